import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { noWrites } from '#core';
import { PlainRuns, type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import {
  Connection,
  type NewRun,
  type RetryIf,
  type RunRow,
  type Taken,
  Reader,
  claimPartition,
  commitBatch,
  findRuns,
  intakeBatch,
} from './index.js';

const FIRST: RetryIf = { discarded: false, retried: false };
let database: TestDatabase;
let reader: Reader;
let intakes: readonly Connection[];
let scheduler: Connection;
let epoch: number;
let project: string;

beforeAll(async () => {
  database = await startTestDatabase(4);
  const { url } = database;
  intakes = [0, 1, 2, 3].map((i) => {
    return new Connection({ url, role: 'orrery_intake', name: `test/intake-${i}`, pinned: true });
  });
  scheduler = new Connection({ url, role: 'orrery_scheduler', name: 'test/owner' });
  reader = new Reader({ url, role: 'orrery_gateway_read', name: 'test/reader' });
  epoch = (await claimPartition(scheduler, 1, 0, 'test'))?.epoch ?? 0;
  project = await new PlainRuns(database.admin).project('letters');
}, 60_000);
afterAll(async () => {
  for (const each of intakes) await each.stop();
  await scheduler.stop();
  await reader.stop();
  await database.stop();
});

async function letter(): Promise<string> {
  const runs = new PlainRuns(database.admin);
  const run = await runs.submit(project, ['x'], {});
  await runs.finish(run);
  return run;
}
function retryOf(run: string, more: Partial<NewRun> = {}): NewRun {
  return {
    ...{ id: randomUUID(), partition: 1, project, job: null, jobVersion: null },
    ...{ spec: randomUUID(), kind: 'SHELL', pool: 'default', need: 'shell', priority: 5 },
    ...{ lane: '4711', at: null, afterMs: null, startDeadlineMs: null, retryOf: run },
    ...{ params: null, labels: null, retryIf: FIRST, ...more },
  };
}
async function retry(runs: readonly NewRun[], by = 0, id = randomUUID()): Promise<Taken> {
  const [connection] = intakes.slice(by);
  if (connection === undefined) throw new Error(`there is no intake ${by}`);
  return await intakeBatch(connection, { id, specifications: [], runs, commands: [], keys: [] });
}
async function discard(...runs: readonly string[]): Promise<void> {
  const discarded = runs.map((run) => ({ run, by: 'ana', reason: 'known' }));
  await commitBatch(scheduler, [{ ...noWrites(1, epoch), discarded }], null);
}
async function look(run: string): Promise<Pick<RunRow, 'retries' | 'discarded'>> {
  const [row] = await findRuns(reader, [project], [run]);
  if (row === undefined) throw new Error(`${run} is gone`);
  return { retries: row.retries, discarded: row.discarded };
}
/** Somebody else has the row, and gives it free when the work has come to a stop behind it. */
async function behind<T>(statement: string, values: unknown[], work: () => Promise<T>): Promise<T> {
  const { admin } = database;
  await admin.query('begin');
  await admin.query(statement, values);
  const working = work();
  await vi.waitFor(async () => {
    const { rows } = await admin.query('select from pg_locks where not granted');
    expect(rows).toHaveLength(1);
  });
  await admin.query('commit');
  return await working;
}
const CLAIM = `insert into follow_up (run, project, retries, by, reason, at, drop_at)
  values ($1, $2, $3, $4, 'x', now(), now() + interval '1 day')`;

test('a retry is said of the old run in its commit; its repeat changes nothing', async () => {
  const run = await letter();
  expect(await look(run)).toEqual({ retries: [], discarded: null });
  const made = retryOf(run);
  const batch = randomUUID();
  expect((await retry([made], 0, batch)).folds.size).toBe(0);
  expect((await retry([made], 0, batch)).folds.size).toBe(0);
  expect(await look(run)).toEqual({ retries: [made.id], discarded: null });
});

test('of two that are to be the first one is; the other holds no key', async () => {
  const run = await letter();
  const [first, second] = [randomUUID(), retryOf(run, { dedup: randomUUID() })];
  const batch = randomUUID();
  const taken = await behind(CLAIM, [run, project, [first], null], async () => {
    return await retry([second], 0, batch);
  });
  expect([...taken.folds]).toEqual([[second.id, first]]);
  expect([...(await retry([second], 0, batch)).folds]).toEqual([[second.id, first]]);
  expect(await findRuns(reader, [project], [second.id])).toEqual([]);
  expect(await look(run)).toEqual({ retries: [first], discarded: null });
  const same = retryOf(await letter(), { dedup: second.dedup ?? null });
  expect((await retry([same])).folds.size).toBe(0);
  // What was folded for its key is no retry.
  const other = await letter();
  const folded = retryOf(other, { dedup: second.dedup ?? null });
  expect([...(await retry([folded])).folds]).toEqual([[folded.id, same.id]]);
  expect(await look(other)).toEqual({ retries: [], discarded: null });
});

test('what was discarded a moment ago is not retried, unless that was asked for', async () => {
  const run = await letter();
  const late = retryOf(run);
  const taken = await behind(CLAIM, [run, project, [], 'ana'], async () => await retry([late]));
  expect([...taken.folds]).toEqual([[late.id, run]]);
  const asked = retryOf(run, { retryIf: { discarded: true, retried: false } });
  expect((await retry([asked])).folds.size).toBe(0);
  expect((await retry([retryOf(run, { retryIf: asked.retryIf ?? FIRST })])).folds.size).toBe(1);
  expect(await look(run)).toMatchObject({ retries: [asked.id], discarded: { by: 'ana' } });
});

test('what was retried is no letter that could be discarded', async () => {
  const run = await letter();
  const claim = [run, project, [randomUUID()], null];
  await behind(CLAIM, claim, async () => {
    await discard(run);
  });
  expect((await look(run)).discarded).toBeNull();
});

test('by hand again and again, the newest first, also several in one commit; so many', async () => {
  const run = await letter();
  const again = (): NewRun => retryOf(run, { retryIf: { discarded: true, retried: true } });
  const ids = (made: readonly NewRun[]): string[] =>
    made.map(({ id }) => id).toSorted((a, b) => b.localeCompare(a));
  const [first, second] = [[again()], [again(), again(), again()]];
  await retry(first);
  await retry(second);
  expect((await look(run)).retries).toEqual([...ids(second), ...ids(first)]);
  const many = Array.from({ length: 30 }, again);
  await retry(many);
  expect((await look(run)).retries).toEqual(ids(many).slice(0, 20));
});

test('four retry and one discards the same letters at once: each has one of it', async () => {
  for (let round = 0; round < 5; round++) {
    const letters: string[] = [];
    for (let i = 0; i < 20; i++) letters.push(await letter());
    const batches = intakes.map((_, i) => {
      const runs = letters.map((run) => retryOf(run));
      return i % 2 === 0 ? runs : runs.toReversed();
    });
    await Promise.all([
      ...batches.map(async (runs, i) => await retry(runs, i)),
      ...letters.toReversed().map(async (run) => {
        await discard(run);
      }),
    ]);
    for (const run of letters) {
      const { retries, discarded } = await look(run);
      expect(retries.length + (discarded === null ? 0 : 1)).toBe(1);
      const made = batches.flat().filter((each) => each.retryOf === run);
      const live = await findRuns(
        reader,
        [project],
        made.map(({ id }) => id),
      );
      expect(live.map(({ id }) => id)).toEqual(retries);
    }
  }
});
