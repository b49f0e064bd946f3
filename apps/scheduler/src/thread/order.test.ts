import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '#actor';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

let database: TestDatabase;
let watch: Watch;
let rig: ThreadRig;

beforeAll(async () => {
  database = await startTestDatabase(1);
  watch = new Watch(database.admin);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  rig = new ThreadRig(database.url, database.life, { partitions: 1 });
});
afterEach(async () => {
  await rig.stop();
  await trouble.empty(database.admin);
});

/** One slot; each attempt ends as soon as it is known. The runs in the order of their grants. */
async function runAll(count: number): Promise<string[]> {
  rig.start();
  await watch.eventually(async () => (await watch.count('live', 'taken and state = 2')) === count);
  await watch.executorReady(rig, database.life, 1);
  let said = 0;
  await until(() => {
    const tokens = rig.tokens();
    // Never more than the one slot.
    expect(tokens.length - said).toBeLessThanOrEqual(1);
    for (const token of tokens.slice(said)) rig.up('x1', rig.resultOf(token));
    said = tokens.length;
    return said === count;
  }, BOUND_MS);
  await watch.eventually(async () => (await watch.count('history')) === count);
  return rig.tokens().map(({ run }) => run);
}

/** By rank and id, from what the database knows of them. */
async function byRank(): Promise<string[]> {
  const { rows } = await database.admin.query(
    `select id from history
      order by ready_at + (priority - 1) * interval '1 min', id`,
  );
  return rows.map((row) => row['id'] as string);
}

test('R85: 300 runs of mixed priorities and one slot: granted strictly by rank', async () => {
  for (let round = 0; round < 10; round++) {
    for (let priority = 1; priority <= 10; priority++) await rig.submit(3, { priority });
  }
  expect(await runAll(300)).toEqual(await byRank());
});

test('R85: more than a window of one lane, given out from behind it in order', async () => {
  for (let i = 0; i < 5; i++) await rig.submit(80);
  expect(await runAll(400)).toEqual(await byRank());
});

test('R86: what waits long enough is before newer runs of the best priority', async () => {
  const [patient = ''] = await rig.submit(1, { priority: 10 });
  const urgent = await rig.submit(20, { priority: 1 });
  // 9 min and a little earlier, so it goes first; the second is 9 min less a little: it goes last.
  await trouble.backdate(database.admin, [patient], 9 * 60_000 + 10_000);
  const [late = ''] = await rig.submit(1, { priority: 10 });
  await trouble.backdate(database.admin, [late], 9 * 60_000 - 10_000);
  const order = await runAll(22);
  expect(order[0]).toBe(patient);
  expect(order.at(-1)).toBe(late);
  expect(new Set(order.slice(1, -1))).toEqual(new Set(urgent));
});

test('no message of a batch carries a floor above what the same batch grants', async () => {
  await rig.submit(2);
  rig.start();
  await watch.executorReady(rig, database.life, 1);
  await until(() => rig.tokens().length === 1, BOUND_MS);
  const [first] = rig.tokens();
  if (first === undefined) throw new Error('nothing was granted');
  // Its end frees the slot: the acks of the one and the grant of the other are one commit. At the
  // repeat's ack nothing is open on this executor any more, but what this commit grants.
  rig.up('x1', rig.resultOf(first), rig.resultOf(first));
  await until(() => rig.tokens().length === 2 && rig.downOf('ack').length === 2, BOUND_MS);
  const granted = rig.tokens()[1]?.seq ?? 0;
  const floors = rig.downOf('ack').map(({ floor }) => floor.seq);
  expect(Math.max(...floors)).toBeLessThanOrEqual(granted);
});
