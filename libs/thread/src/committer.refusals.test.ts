import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
import type { Cell, CommitOutcome } from '#core';
import { onWire } from '../../../test/support/proxy.js';
import type { CommitNews } from './committer.js';
import { CommitWorld } from './testkit/commit-world.js';

const BOUND_MS = 5_000;
const kindOf = (outcome: CommitOutcome): string =>
  outcome.kind === 'failed' ? outcome.failure.kind : outcome.kind;
const isFailure = (news: CommitNews): boolean =>
  news.kind === 'commit-answered' && news.outcome.kind === 'failed';
const world = CommitWorld.forSuite();

describe('rejected for now', () => {
  test('nobody listens for a moment: the same sealed batch again', async () => {
    const [a] = (await world.rig.submit([0])) as [Cell];
    await disconnect();
    world.rig.step(0, world.rig.takeIn(a), 'e');
    world.rig.settle();
    // The cell lives on while its batch waits: that belongs to the next batch.
    a.state = 'GRANTED';
    a.rank = 1;
    a.record.seqs.push(4_711);
    try {
      const failures = (): number => world.rig.news.filter((n) => isFailure(n)).length;
      await until(() => failures() >= 2, BOUND_MS);
      expect(world.rig.left).toEqual([]);
    } finally {
      world.proxy.open();
    }
    await world.idle();
    expect(world.rig.left).toEqual(['commit 0', 'e']);
    const { rows } = await world.database.admin.query(
      `select state, rank = 1 as changed, convert_from(record, 'UTF8') as record from live`,
    );
    expect(rows).toEqual([{ state: 2, changed: false, record: '{"attempts":[],"seqs":[]}' }]);
    expect(await world.journal(0)).toEqual({ events: 1, head: 1 });
  });

  test('a database that takes no writes for a moment', async () => {
    const [a] = (await world.rig.submit([0])) as [Cell];
    await readOnly(true);
    try {
      world.rig.step(0, world.rig.takeIn(a), 'e');
      world.rig.settle();
      await until(() => world.rig.news.some((n) => isFailure(n)), BOUND_MS);
      const [first] = world.rig.news;
      const kind = first?.kind === 'commit-answered' ? kindOf(first.outcome) : first?.kind;
      expect(kind).toBe('rejected-now');
    } finally {
      await readOnly(false);
    }
    await world.idle();
    expect(world.rig.left).toEqual(['commit 0', 'e']);
    expect(world.rig.dropped).toEqual([]);
  });

  async function readOnly(on: boolean): Promise<void> {
    const { rows } = await world.database.admin.query('select current_database() as name');
    const name = rows[0]?.['name'] as string;
    await world.database.admin.query('set default_transaction_read_only = off');
    await world.database.admin.query(
      `alter database "${name}" set default_transaction_read_only = ${on ? 'on' : 'off'}`,
    );
    // It holds for new connections: the ones there are cut while nothing is under way.
    await disconnect();
    world.proxy.open();
  }

  /** What is cut while nothing is under way is known to be gone before the next call. */
  async function disconnect(): Promise<void> {
    world.proxy.close();
    await until(() => !world.rig.commits.connected, BOUND_MS);
  }
});

describe('rejected for good', () => {
  const poison = `check (result <> convert_to('"poison"', 'UTF8'))`;
  beforeEach(async () => {
    await world.database.admin.query(`alter table history add constraint no_poison ${poison}`);
  });
  afterEach(async () => {
    await world.database.admin.query('alter table history drop constraint no_poison');
  });

  for (const bad of [0, 1, 3]) {
    test(`four partitions, ${bad} fails: dropped with care, the others leave once`, async () => {
      const cells = await world.rig.submit([0, 1, 2, 3]);
      for (const cell of cells) world.rig.step(cell.facts.partition, world.rig.takeIn(cell));
      world.rig.settle();
      await world.idle();
      world.rig.left.length = 0;
      world.rig.committer.counts.commits = 0;
      for (const cell of cells) {
        const { partition } = cell.facts;
        const result = partition === bad ? '"poison"' : '"ok"';
        world.rig.step(partition, world.rig.end(cell, result), `e${partition}`);
      }
      world.rig.settle();
      await world.idle();
      const good = [0, 1, 2, 3].filter((each) => each !== bad);
      expect(world.rig.left).toEqual([
        `commit ${good.join(' ')}`,
        ...good.map((each) => `e${each}`),
      ]);
      expect(world.rig.dropped).toHaveLength(1);
      expect(world.rig.dropped[0]).toMatchObject({ partition: bad, reclaim: true, careful: true });
      // The whole, then one call a partition; none is sent twice.
      expect(world.rig.committer.counts.commits).toBe(5);
      expect(await world.count('history')).toBe(3);
      for (const each of good) expect(await world.journal(each)).toEqual({ events: 2, head: 2 });
    });
  }

  test('one alone: dropped with care at once', async () => {
    const [cell] = (await world.rig.submit([0])) as [Cell];
    world.rig.step(0, world.rig.takeIn(cell));
    world.rig.settle();
    await world.idle();
    world.rig.step(0, world.rig.end(cell, '"poison"'), 'e');
    world.rig.settle();
    await world.idle();
    expect(world.rig.dropped).toMatchObject([{ partition: 0, reclaim: true, careful: true }]);
    expect(world.rig.left).toEqual(['commit 0', 'commit']);
  });

  test('cut while they go one by one: only what was under way is unknown', async () => {
    const cells = await world.rig.submit([0, 1, 2]);
    for (const cell of cells) world.rig.step(cell.facts.partition, world.rig.takeIn(cell));
    world.rig.settle();
    await world.idle();
    world.rig.left.length = 0;
    const [a, b, c] = cells as [Cell, Cell, Cell];
    world.rig.step(0, world.rig.end(a), 'e0');
    world.rig.step(1, world.rig.end(b), 'e1');
    world.rig.step(2, world.rig.end(c, '"poison"'), 'e2');
    world.rig.settle();
    await until(() => world.rig.news.some((n) => isFailure(n)), BOUND_MS);
    // Partition 0 goes alone first; the next call to name the run of 1 is cut.
    await world.proxy.cutNext(onWire(b.facts.id), 'before-answer');
    await world.idle();
    expect(world.rig.dropped.map(({ partition, careful }) => [partition, careful])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(world.rig.left).toEqual(['commit 0', 'e0']);
    expect(await world.journal(0)).toEqual({ events: 2, head: 2 });
  });
});

describe('unknown', () => {
  for (const how of ['before-send', 'before-answer', 'in-answer'] as const) {
    test(`cut ${how}: every partition of it is taken anew, no effect leaves`, async () => {
      const [a, b] = (await world.rig.submit([0, 1])) as [Cell, Cell];
      const cut = world.proxy.cutNext(onWire(a.facts.id), how);
      world.rig.step(0, world.rig.takeIn(a), 'e0');
      world.rig.step(1, world.rig.takeIn(b), 'e1');
      world.rig.settle();
      world.rig.step(0, [], 'later');
      await cut;
      await world.idle();
      const expected = { why: 'unknown outcome', reclaim: true, careful: false };
      expect(world.rig.dropped).toEqual([0, 1].map((partition) => ({ partition, ...expected })));
      expect(world.rig.left).toEqual(['commit']);
    });
  }
});
