import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '#actor';
import { laneOf, partitionOf } from '#core';
import { Connection, intakeBatch } from '#postgres';
import { MAX_MESSAGE_BYTES } from '#protocol';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

const PARTITIONS = 8;
let database: TestDatabase;
let rig: ThreadRig;
let watch: Watch;
let intake: Connection;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  watch = new Watch(database.admin);
  intake = new Connection({
    url: database.url,
    role: 'orrery_intake',
    name: 'large',
    pinned: true,
  });
}, 60_000);
afterAll(async () => {
  await intake.stop();
  await database.stop();
});
beforeEach(async () => {
  rig = new ThreadRig(database.url, database.life, { partitions: PARTITIONS });
  rig.start();
  await watch.executorReady(rig, database.life);
});
afterEach(async () => {
  await rig.stop();
  await trouble.empty(database.admin);
});

/** A run with a specification and params of its own, as the gateway writes it. */
async function submit(body: string, params: string | null): Promise<string> {
  const id = randomUUID();
  const spec = randomUUID();
  const key = { pool: 'default', need: 'shell', project: rig.project, priority: 5 };
  const run = {
    ...key,
    id,
    partition: partitionOf(id, PARTITIONS),
    job: null,
    jobVersion: null,
    spec,
    kind: 'SHELL' as const,
    lane: laneOf(key),
    at: null,
    afterMs: null,
    startDeadlineMs: null,
    retryOf: null,
    params,
    labels: null,
  };
  const policy = { ...rig.policy, retry: { ...rig.policy.retry, maxAttempts: 3 } };
  await intakeBatch(intake, {
    id: randomUUID(),
    specifications: [{ project: rig.project, hash: spec, body, policy }],
    runs: [run],
    commands: [],
    keys: [],
  });
  return id;
}

const shell = (command: string): string => JSON.stringify({ kind: 'shell', command });

test('params and a specification that fill a message arrive whole', async () => {
  const body = shell('x'.repeat(500 * 1_024));
  const params = JSON.stringify('語'.repeat(80 * 1_024));
  const run = await submit(body, params);
  await until(() => rig.downOf('assign').length > 0, BOUND_MS);
  const [assigned] = rig.downOf('assign');
  expect(assigned?.token.run).toBe(run);
  expect([assigned?.work.spec, assigned?.work.params]).toEqual([body, params]);
});

/** Semantics §1.3: REJECTED, "can never run anywhere", ends the run as DEAD without retry. */
test('what no message can hold is REJECTED, not granted for ever; its neighbours run', async () => {
  // Quoted once more for the wire it is twice as long.
  const run = await submit(shell('"'.repeat(MAX_MESSAGE_BYTES / 4)), null);
  await watch.becomes(run, 'DEAD');
  const types = (await watch.events(run)).map((event) => event.type);
  expect(types).toEqual(['SUBMITTED', 'GRANTED', 'FINISHED']);
  const { rows } = await database.admin.query(
    `select spent, convert_from(error, 'UTF8')::json ->> 'class' as class from history`,
  );
  expect(rows).toEqual([{ spent: 1, class: 'PAYLOAD_TOO_LARGE' }]);
  expect(rig.downOf('assign')).toEqual([]);
  const [other] = await rig.submit(1);
  await until(() => rig.tokens().length === 1, BOUND_MS);
  expect(rig.tokens()[0]?.run).toBe(other);
});
