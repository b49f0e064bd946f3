import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
import { RUN_STATES, type RunState } from '#core';
import { Definitions, applyJob, createProject, holdJob } from '#definitions';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

const PARTITIONS = 8;
let database: TestDatabase;
let definitions: Definitions;
let rig: ThreadRig;
let watch: Watch;
let project: string;
let job: string;

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  watch = new Watch(database.admin);
  definitions = new Definitions({ url: database.url, name: 'test/holds' });
  await definitions.start();
}, 60_000);
afterAll(async () => {
  await definitions.stop();
  await database.stop();
});
beforeEach(async () => {
  const made = await createProject(definitions, { name: randomUUID(), description: null });
  project = made?.id ?? '';
  const application = { project, name: 'nightly', spec: '{}', hash: randomUUID(), by: 'ada' };
  const applied = await applyJob(definitions, { ...application, expectedVersion: null });
  job = applied.kind === 'applied' ? applied.job.id : '';
  rig = new ThreadRig(database.url, database.life, { project });
  rig.start();
});
afterEach(async () => {
  await rig.stop();
  await trouble.empty(database.admin);
});

/** As the gateway does it; the ids of the rows that tell the partitions. */
async function hold(paused: boolean): Promise<string[]> {
  const ids = Array.from({ length: PARTITIONS }, () => randomUUID());
  const said = { by: 'ada', reason: 'the disk is full', ids };
  await holdJob(definitions, { project, name: 'nightly', paused, ...said });
  return ids;
}
async function held(paused: boolean): Promise<void> {
  const all = { ok: true, state: null };
  for (const id of await hold(paused)) expect(await watch.answerOf(id)).toEqual(all);
}
const waits = (state: RunState): Promise<number> =>
  watch.count('run_now', `job = '${job}' and state = ${RUN_STATES.indexOf(state)}`);

describe('a job is paused and goes on', () => {
  test('all partitions hold what waits, take and hold what comes, and let all go', async () => {
    await rig.submit(300, { job, jobVersion: 1 });
    await watch.eventually(async () => (await waits('READY')) === 300);
    await held(true);
    await watch.eventually(async () => (await waits('PAUSED')) === 300);
    await rig.submit(20, { job, jobVersion: 1 });
    const [other = ''] = await rig.submit(1);
    await watch.executorReady(rig, database.life);
    await until(() => rig.tokens().length === 1, BOUND_MS);
    expect(rig.tokens()[0]?.run).toBe(other);
    await watch.eventually(async () => (await waits('PAUSED')) === 320);
    await held(false);
    await until(() => rig.tokens().length >= 300, BOUND_MS);
    expect(await waits('PAUSED')).toBe(0);
    expect(await watch.count('inbox')).toBe(0);
    expect(rig.errors).toEqual([]);
  });

  test('who takes the partitions over goes by it from the first step', async () => {
    const [run = ''] = await rig.submit(1, { job, jobVersion: 1 });
    await held(true);
    await watch.becomes(run, 'PAUSED');
    await rig.stop();
    rig = new ThreadRig(database.url, database.life, { thread: 't2', project });
    rig.start();
    await watch.executorReady(rig, database.life);
    const [late = ''] = await rig.submit(1, { job, jobVersion: 1 });
    await watch.becomes(late, 'PAUSED');
    expect(await watch.state(run)).toBe('PAUSED');
    expect(rig.tokens()).toEqual([]);
    await held(false);
    await until(() => rig.tokens().length === 2, BOUND_MS);
  });
});
