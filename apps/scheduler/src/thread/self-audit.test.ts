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
  database = await startTestDatabase(2);
  watch = new Watch(database.admin);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  rig = new ThreadRig(database.url, database.life, { partitions: 2 });
  rig.start();
});
afterEach(async () => {
  await rig.stop();
  await trouble.empty(database.admin);
});

test('a run that no memory knows of is found, told, and runs', async () => {
  const [known = ''] = await rig.submit(1);
  await watch.becomes(known, 'READY');
  // The same row under another id, as if memory had lost it.
  await trouble.copyOfLive(database.admin, known, LOST);
  await until(() => rig.host.status().unexplained > 0, BOUND_MS);
  await watch.executorReady(rig, database.life, 2);
  await until(() => rig.tokens().some(({ run }) => run === LOST), BOUND_MS);
  expect(rig.host.status().unexplained).toBe(1);
});

test('what waits, runs or is held is explained in every round', async () => {
  await watch.executorReady(rig, database.life, 1);
  const runs = await rig.submit(4);
  await until(() => rig.tokens().length === 1, BOUND_MS);
  const reads = rig.reads;
  // Both partitions, more than once.
  await until(() => rig.reads > reads + 5, BOUND_MS);
  expect(runs).toHaveLength(4);
  expect(rig.host.status().unexplained).toBe(0);
});

const LOST = '0199aaaa-0000-7000-8000-000000000001';
