import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noWrites } from '#core';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import {
  Connection,
  type IntakeBatch,
  type NewRun,
  claimPartition,
  commitBatch,
  intakeBatch,
} from './index.js';

let database: TestDatabase;
let intake: Connection;
let scheduler: Connection;
let epoch: number;
const project = randomUUID();
const spec = randomUUID();

beforeAll(async () => {
  database = await startTestDatabase(8);
  const { url } = database;
  intake = new Connection({ url, role: 'orrery_intake', name: 'orrery/test', pinned: true });
  scheduler = new Connection({ url, role: 'orrery_scheduler', name: 'orrery/test-owner' });
  epoch = (await claimPartition(scheduler, 0, 0, 'test'))?.epoch ?? 0;
}, 60_000);

afterAll(async () => {
  await intake.stop();
  await scheduler.stop();
  await database.stop();
});

function newRun(more: Partial<NewRun> = {}): NewRun {
  return {
    id: randomUUID(),
    partition: 0,
    project,
    job: null,
    jobVersion: null,
    spec,
    kind: 'SHELL',
    pool: 'default',
    need: 'shell',
    priority: 5,
    lane: '4711',
    at: null,
    afterMs: null,
    startDeadlineMs: null,
    retryOf: null,
    params: null,
    labels: null,
    ...more,
  };
}

const count = async (table: string, where: string, values: unknown[]): Promise<number> => {
  const text = `select count(*)::int as n from ${table} where ${where}`;
  return (await database.admin.query(text, values)).rows[0]?.['n'] as number;
};

describe('idempotency keys', () => {
  test('keys in opposite order do not deadlock, and each has one run', async () => {
    const other = new Connection({
      url: database.url,
      role: 'orrery_intake',
      name: 'orrery/test2',
      pinned: true,
    });
    for (let round = 0; round < 20; round++) {
      const names = Array.from({ length: 20 }, (_, i) => `r${round}-${i}`);
      const make = (order: readonly string[]) => {
        const runs = order.map(() => newRun());
        const keys = order.map((key, i) => ({
          project,
          operation: 'submitRun',
          key,
          hash: spec,
          ref: runs[i]?.id ?? '',
        }));
        return { id: randomUUID(), specifications: [], runs, commands: [], keys };
      };
      const [a, b] = [make(names), make([...names].reverse())];
      const [one, two] = await Promise.all([intakeBatch(intake, a), intakeBatch(other, b)]);
      expect(one.replays.size + two.replays.size).toBe(20);
      const ids = [...a.runs, ...b.runs].map((run) => run.id);
      expect(await count('live', 'id = any($1)', [ids])).toBe(20);
    }
    await other.stop();
  });
});

describe('dedup keys (2.4)', () => {
  const batchOf = (runs: readonly NewRun[], more: Partial<IntakeBatch> = {}): IntakeBatch => {
    return { id: randomUUID(), specifications: [], runs, commands: [], keys: [], ...more };
  };
  const live = (runs: readonly NewRun[]): Promise<number> =>
    count('live', 'id = any($1)', [runs.map((run) => run.id)]);

  test('the first holds it; whoever comes later, or with it, is folded into it', async () => {
    const dedup = randomUUID();
    const runs = [newRun({ dedup }), newRun({ dedup }), newRun()];
    const [first, second] = runs as [NewRun, NewRun];
    const taken = await intakeBatch(intake, batchOf(runs));
    expect([...taken.folds]).toEqual([[second.id, first.id]]);
    expect(await live(runs)).toBe(2);
    expect(await count('inbox', 'ref = any($1)', [runs.map(({ id }) => id)])).toBe(2);
    const later = newRun({ dedup });
    const again = await intakeBatch(intake, batchOf([later]));
    expect([...again.folds]).toEqual([[later.id, first.id]]);
    expect(await live([later])).toBe(0);
  });

  test('an idempotency key of one that was folded stands for the one that holds', async () => {
    const dedup = randomUUID();
    const [first, second] = [newRun({ dedup }), newRun({ dedup })];
    await intakeBatch(intake, batchOf([first]));
    const name = { project, operation: 'submitRun', key: randomUUID(), hash: spec };
    await intakeBatch(intake, batchOf([second], { keys: [{ ...name, ref: second.id }] }));
    const third = newRun({ dedup: randomUUID() });
    const taken = await intakeBatch(
      intake,
      batchOf([third], { keys: [{ ...name, ref: third.id }] }),
    );
    expect(taken.replays.get(third.id)?.winner).toBe(first.id);
    // And what has lost by its idempotency key takes no dedup key.
    const fourth = newRun({ dedup: third.dedup ?? null });
    expect((await intakeBatch(intake, batchOf([fourth]))).folds.size).toBe(0);
  });

  test('a batch that is repeated under its id answers what it did', async () => {
    const dedup = randomUUID();
    const first = newRun({ dedup });
    await intakeBatch(intake, batchOf([first]));
    const batch = batchOf([newRun({ dedup }), newRun()]);
    const once = await intakeBatch(intake, batch);
    await release(first);
    const twice = await intakeBatch(intake, batch);
    expect([...twice.folds]).toEqual([...once.folds]);
    expect(await live(batch.runs)).toBe(1);
  });

  test('twenty at once make one run, while its key is given back and taken again', async () => {
    const others = Array.from({ length: 4 }, (_, i) => {
      const name = `orrery/test-${i}`;
      return new Connection({ url: database.url, role: 'orrery_intake', name, pinned: true });
    });
    try {
      for (let round = 0; round < 15; round++) {
        const keys = [randomUUID(), randomUUID(), randomUUID()];
        const holders = keys.map((dedup) => newRun({ dedup }));
        await intakeBatch(intake, batchOf(holders));
        const batches = others.map((_, i) => {
          const order = i % 2 === 0 ? keys : [...keys].reverse();
          return batchOf(order.map((dedup) => newRun({ dedup })));
        });
        const [, ...taken] = await Promise.all([
          Promise.all(holders.map(release)),
          ...others.map((each, i) => intakeBatch(each, batches[i] as IntakeBatch)),
        ]);
        const runs = batches.flatMap((batch) => batch.runs);
        for (const dedup of keys) {
          const same = runs.filter((run) => run.dedup === dedup);
          const made = await live(same);
          expect(made).toBeLessThanOrEqual(1);
          const folds = taken.flatMap((each) => [...each.folds]);
          const folded = folds.filter(([run]) => same.some(({ id }) => id === run));
          expect(folded.length + made).toBe(others.length);
        }
      }
    } finally {
      for (const each of others) await each.stop();
    }
  });

  /** As the owner does it at the run's end. */
  async function release(run: NewRun): Promise<void> {
    const released = [{ project, key: run.dedup ?? '', run: run.id }];
    await commitBatch(scheduler, [{ ...noWrites(0, epoch), released }], null);
  }
});
