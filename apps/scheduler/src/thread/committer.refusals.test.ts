import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
import type { Cell } from '#core';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { type CuttingProxy, startProxy } from '../../../../test/support/proxy.js';
import { CommitRig } from './testkit/commit-rig.js';

const BOUND_MS = 5_000;
let database: TestDatabase;
let proxy: CuttingProxy;
let rig: CommitRig;

beforeAll(async () => {
  database = await startTestDatabase(4);
  const { hostname, port } = new URL(database.url);
  proxy = await startProxy({ host: hostname, port: Number(port) });
}, 60_000);
afterAll(async () => {
  await proxy.stop();
  await database.stop();
});
beforeEach(async () => {
  const url = new URL(database.url);
  url.port = String(proxy.port);
  rig = new CommitRig(database.url, url.href);
  await rig.own();
});
afterEach(async () => {
  await rig.stop();
  await trouble.empty(database.admin);
});

const idle = async (): Promise<void> => await until(() => rig.committer.isIdle, BOUND_MS);

async function count(table: string, where = 'true', values: unknown[] = []): Promise<number> {
  const { rows } = await database.admin.query(
    `select count(*)::int as n from ${table} where ${where}`,
    values,
  );
  return rows[0]?.['n'] as number;
}
/** Events in the journal, and the head of the partition's row: they must say the same. */
async function journal(partition: number): Promise<{ events: number; head: number }> {
  const { rows } = await database.admin.query(
    `select coalesce(sum(n), 0)::int as events, count(distinct seq)::int as segments,
       count(*)::int as rows from journal where partition = $1`,
    [partition],
  );
  const { rows: heads } = await database.admin.query(
    'select seq::int as seq from partition where id = $1',
    [partition],
  );
  return { events: rows[0]?.['events'] as number, head: heads[0]?.['seq'] as number };
}

describe('rejected for now', () => {
  test('nobody listens for a moment: the same sealed batch again', async () => {
    const [a] = (await rig.submit([0])) as [Cell];
    await disconnect();
    rig.step(0, rig.takeIn(a), 'e');
    rig.settle();
    // The cell lives on while its batch waits: that belongs to the next batch.
    a.state = 'GRANTED';
    a.rank = 1;
    a.record.seqs.push(4_711);
    try {
      const failures = (): number => rig.news.filter((n) => n.kind === 'commit-failed').length;
      await until(() => failures() >= 2, BOUND_MS);
      expect(rig.left).toEqual([]);
    } finally {
      await proxy.open();
    }
    await idle();
    expect(rig.left).toEqual(['commit 0', 'e']);
    const { rows } = await database.admin.query(
      `select state, rank = 1 as changed, convert_from(record, 'UTF8') as record from live`,
    );
    expect(rows).toEqual([{ state: 2, changed: false, record: '{"attempts":[],"seqs":[]}' }]);
    expect(await journal(0)).toEqual({ events: 1, head: 1 });
  });

  test('a database that takes no writes for a moment', async () => {
    const [a] = (await rig.submit([0])) as [Cell];
    await readOnly(true);
    try {
      rig.step(0, rig.takeIn(a), 'e');
      rig.settle();
      await until(() => rig.news.some((n) => n.kind === 'commit-failed'), BOUND_MS);
      const [first] = rig.news;
      const kind = first?.kind === 'commit-failed' ? first.failure.kind : first?.kind;
      expect(kind).toBe('rejected-now');
    } finally {
      await readOnly(false);
    }
    await idle();
    expect(rig.left).toEqual(['commit 0', 'e']);
    expect(rig.dropped).toEqual([]);
  });

  async function readOnly(on: boolean): Promise<void> {
    const { rows } = await database.admin.query('select current_database() as name');
    const name = rows[0]?.['name'] as string;
    await database.admin.query('set default_transaction_read_only = off');
    await database.admin.query(
      `alter database "${name}" set default_transaction_read_only = ${on ? 'on' : 'off'}`,
    );
    // It holds for new connections: the ones there are cut while nothing is under way.
    await disconnect();
    await proxy.open();
  }

  /** What is cut while nothing is under way is known to be gone before the next call. */
  async function disconnect(): Promise<void> {
    await proxy.close();
    await until(() => !rig.commits.connected, BOUND_MS);
  }
});

describe('rejected for good', () => {
  const poison = `check (result <> convert_to('"poison"', 'UTF8'))`;
  beforeEach(async () => {
    await database.admin.query(`alter table history add constraint no_poison ${poison}`);
  });
  afterEach(async () => {
    await database.admin.query('alter table history drop constraint no_poison');
  });

  for (const bad of [0, 1, 3]) {
    test(`four partitions, ${bad} fails: dropped with care, the others leave once`, async () => {
      const cells = await rig.submit([0, 1, 2, 3]);
      for (const cell of cells) rig.step(cell.facts.partition, rig.takeIn(cell));
      rig.settle();
      await idle();
      rig.left.length = 0;
      rig.committer.counts.commits = 0;
      for (const cell of cells) {
        const { partition } = cell.facts;
        const result = partition === bad ? '"poison"' : '"ok"';
        rig.step(partition, rig.end(cell, result), `e${partition}`);
      }
      rig.settle();
      await idle();
      const good = [0, 1, 2, 3].filter((each) => each !== bad);
      expect(rig.left).toEqual([`commit ${good.join(' ')}`, ...good.map((each) => `e${each}`)]);
      expect(rig.dropped).toHaveLength(1);
      expect(rig.dropped[0]).toMatchObject({ partition: bad, reclaim: true, careful: true });
      // The whole, then one call a partition; none is sent twice.
      expect(rig.committer.counts.commits).toBe(5);
      expect(await count('history')).toBe(3);
      for (const each of good) expect(await journal(each)).toEqual({ events: 2, head: 2 });
    });
  }

  test('one alone: dropped with care at once', async () => {
    const [cell] = (await rig.submit([0])) as [Cell];
    rig.step(0, rig.takeIn(cell));
    rig.settle();
    await idle();
    rig.step(0, rig.end(cell, '"poison"'), 'e');
    rig.settle();
    await idle();
    expect(rig.dropped).toMatchObject([{ partition: 0, reclaim: true, careful: true }]);
    expect(rig.left).toEqual(['commit 0', 'commit']);
  });

  test('cut while they go one by one: only what was under way is unknown', async () => {
    const cells = await rig.submit([0, 1, 2]);
    for (const cell of cells) rig.step(cell.facts.partition, rig.takeIn(cell));
    rig.settle();
    await idle();
    rig.left.length = 0;
    const [a, b, c] = cells as [Cell, Cell, Cell];
    rig.step(0, rig.end(a), 'e0');
    rig.step(1, rig.end(b), 'e1');
    rig.step(2, rig.end(c, '"poison"'), 'e2');
    rig.settle();
    await until(() => rig.news.some((n) => n.kind === 'commit-failed'), BOUND_MS);
    // Partition 0 goes alone first; the next call to name the run of 1 is cut.
    await proxy.cutNext(b.facts.id, 'before-answer');
    await idle();
    expect(rig.dropped.map(({ partition, careful }) => [partition, careful])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(rig.left).toEqual(['commit 0', 'e0']);
    expect(await journal(0)).toEqual({ events: 2, head: 2 });
  });
});

describe('unknown', () => {
  for (const how of ['before-send', 'before-answer', 'in-answer'] as const) {
    test(`cut ${how}: every partition of it is taken anew, no effect leaves`, async () => {
      const [a, b] = (await rig.submit([0, 1])) as [Cell, Cell];
      const cut = proxy.cutNext(a.facts.id, how);
      rig.step(0, rig.takeIn(a), 'e0');
      rig.step(1, rig.takeIn(b), 'e1');
      rig.settle();
      rig.step(0, [], 'later');
      await cut;
      await idle();
      const expected = { why: 'unknown outcome', reclaim: true, careful: false };
      expect(rig.dropped).toEqual([0, 1].map((partition) => ({ partition, ...expected })));
      expect(rig.left).toEqual(['commit']);
    });
  }
});
