import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
import type { Cell } from '#core';
import { claimPartition } from '#postgres';
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

describe('committed', () => {
  test('effects leave only then, in the order in which they were asked for', async () => {
    const [a, b] = (await rig.submit([0, 1])) as [Cell, Cell];
    rig.step(0, rig.takeIn(a), 'a1', 'a2');
    rig.step(1, rig.takeIn(b), 'b1');
    rig.step(0, [], 'a3');
    expect(rig.left).toEqual([]);
    rig.settle();
    expect(rig.left).toEqual([]);
    await idle();
    expect(rig.left).toEqual(['commit 0 1', 'a1', 'a2', 'b1', 'a3']);
    expect(await count('live', 'taken')).toBe(2);
  });

  test('with nothing open and nothing in flight an effect leaves at once', () => {
    rig.step(0, [], 'now');
    expect(rig.left).toEqual(['now']);
  });

  test('an effect of a step that wrote nothing waits for what was open or in flight', async () => {
    const [a, b] = (await rig.submit([0, 1])) as [Cell, Cell];
    rig.step(0, rig.takeIn(a));
    rig.settle();
    // The first batch is in flight: a repeated report's ack must not overtake it.
    rig.step(0, [], 'behind the first');
    rig.step(1, rig.takeIn(b));
    rig.step(0, [], 'behind the second');
    expect(rig.left).toEqual([]);
    await idle();
    const order = ['commit 0', 'behind the first', 'commit 1', 'behind the second'];
    expect(rig.left).toEqual(order);
  });

  test('who wants a partition is looked at; a commit alone is no reason to look', async () => {
    const [a, b] = (await rig.submit([0, 0])) as [Cell, Cell];
    rig.step(0, rig.takeIn(a));
    rig.settle();
    await idle();
    expect(rig.looks).toBe(0);
    await trouble.want(database.admin, 0, 't2');
    rig.step(0, rig.takeIn(b));
    rig.settle();
    await idle();
    expect(rig.looks).toBe(1);
  });

  test('a large batch spaces the next; what wakes it never sends a batch twice', async () => {
    const cells = await rig.submit(Array.from({ length: 40 }, () => 0));
    const [first, ...rest] = cells as [Cell, ...Cell[]];
    for (const cell of rest.slice(0, 20)) rig.step(0, rig.takeIn(cell));
    rig.settle();
    await until(() => rig.left.length === 1, BOUND_MS);
    // Spaced: a timer is armed. It fires while the next batch is under way.
    for (const cell of rest.slice(20)) rig.step(0, rig.takeIn(cell));
    rig.settle();
    rig.step(0, rig.takeIn(first));
    await idle();
    rig.tell({ kind: 'commit-again' });
    rig.step(0, [rig.event(first)]);
    rig.settle();
    rig.committer.receive({ kind: 'commit-again' });
    await idle();
    await until(() => rig.left.length >= 3, BOUND_MS);
    const answers = rig.news.filter((news) => news.kind !== 'commit-again');
    expect(answers).toHaveLength(rig.left.length);
    expect(await journal(0)).toEqual({ events: 41, head: 41 });
    expect(rig.dropped).toEqual([]);
  });
});

describe('fenced', () => {
  test('its partition is gone with its effects, the rest commits and then leaves', async () => {
    const cells = (await rig.submit([0, 1, 2])) as [Cell, Cell, Cell];
    await trouble.steal(database.admin, 1);
    for (const cell of cells) {
      const { partition } = cell.facts;
      rig.step(partition, rig.takeIn(cell), `e${partition}`);
    }
    rig.settle();
    // Open meanwhile: void as well.
    rig.step(1, [rig.event(cells[1])], 'later');
    await idle();
    expect(rig.left).toEqual(['commit 0 2', 'e0', 'e2']);
    const how = { reclaim: false, careful: false };
    expect(rig.dropped).toEqual([{ partition: 1, why: 'fenced', ...how }]);
    expect(await count('live', 'taken')).toBe(2);
  });

  test('a partition that was claimed anew meanwhile is not dropped by an old answer', async () => {
    const [a, b, c] = (await rig.submit([0, 1, 0])) as [Cell, Cell, Cell];
    const claim = await claimPartition(rig.commits, 0, rig.owned.get(0)?.epoch ?? 0, 't1');
    rig.step(0, rig.takeIn(a), 'old');
    rig.step(1, rig.takeIn(b), 'e1');
    rig.settle();
    // As the host does when the claim and its load have come back.
    rig.committer.drop(0);
    rig.owned.set(0, { epoch: claim?.epoch ?? 0, head: claim?.seq ?? 0 });
    rig.step(0, rig.takeIn(c), 'new');
    await idle();
    expect(rig.dropped).toEqual([]);
    expect(rig.left).toEqual(['commit 1', 'e1', 'commit 0', 'new']);
  });
});

describe('early', () => {
  test('waits for the clock, and sends the same batch again', async () => {
    const [a] = (await rig.submit([0])) as [Cell];
    const planned = a.facts.submittedAt + 400;
    rig.step(0, [...rig.takeIn(a), { kind: 'fired', planned }], 'e');
    rig.settle();
    await idle();
    const kinds = rig.news.map((news) => news.kind);
    expect(kinds[0]).toBe('commit-failed');
    expect(kinds.at(-1)).toBe('commit-done');
    expect(rig.samples[0]).toBeLessThan(planned);
    expect(rig.samples.at(-1)).toBeGreaterThanOrEqual(planned);
    expect(rig.left).toEqual(['commit 0', 'e']);
    expect(rig.dropped).toEqual([]);
    expect(await journal(0)).toEqual({ events: 1, head: 1 });
  });

  test('what was planned by a partition that is gone holds up nobody', async () => {
    const [a, b] = (await rig.submit([0, 1])) as [Cell, Cell];
    const planned = a.facts.submittedAt + 3_600_000;
    rig.step(0, [...rig.takeIn(a), { kind: 'fired', planned }]);
    rig.step(1, rig.takeIn(b), 'e1');
    rig.settle();
    await until(() => rig.news.length > 0, BOUND_MS);
    rig.committer.drop(0);
    await idle();
    expect(rig.left).toEqual(['commit 1', 'e1']);
  });
});

describe('gone', () => {
  test('only the partitions of those rows are taken anew, the others commit', async () => {
    const [a, b] = (await rig.submit([0, 1])) as [Cell, Cell];
    rig.step(0, rig.takeIn(a), 'first');
    rig.settle();
    await idle();
    rig.step(0, rig.takeIn(a), 'repeat');
    rig.step(1, rig.takeIn(b), 'e1');
    rig.settle();
    await idle();
    const how = { reclaim: true, careful: false };
    expect(rig.dropped).toEqual([{ partition: 0, why: 'inbox rows gone', ...how }]);
    expect(rig.left).toEqual(['commit 0', 'first', 'commit 1', 'e1']);
    expect(await journal(0)).toEqual({ events: 1, head: 1 });
  });

  test('rows whose names come back in other words end as well', async () => {
    // No such row; PostgreSQL names it in small letters.
    rig.step(0, [{ kind: 'consume', inbox: randomUUID().toUpperCase() }], 'e');
    rig.settle();
    await idle();
    expect(rig.dropped.map((each) => each.partition)).toEqual([0]);
    expect(rig.left).toEqual(['commit']);
  });
});
