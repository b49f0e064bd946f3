import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { until } from '#actor';
import { type PartitionMessage, StepFailure, partitionMachine } from '#core';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

/** Three failures with their back-off in between. */
const PARKED_MS = 15_000;

let database: TestDatabase;
let watch: Watch;
const rigs: ThreadRig[] = [];
let rig: ThreadRig;

beforeAll(async () => {
  database = await startTestDatabase(2);
  watch = new Watch(database.admin);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  rig = start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const each of rigs.splice(0)) await each.stop();
  await trouble.empty(database.admin);
});

function start(thread = 't1'): ThreadRig {
  const made = new ThreadRig(database.url, database.life, { thread, partitions: 2 });
  rigs.push(made);
  made.start();
  return made;
}

type Step = typeof partitionMachine.step;
/** Steps of the partitions throw as `bug` says. */
function plant(bug: (...of: Parameters<Step>) => Error | undefined): void {
  const step = partitionMachine.step.bind(partitionMachine);
  vi.spyOn(partitionMachine, 'step').mockImplementation((...given: Parameters<Step>) => {
    const error = bug(...given);
    if (error !== undefined) throw error;
    return step(...given);
  });
}
/** Whatever time brings to this run fails. */
function brokenTimer(run: string): void {
  plant((state, message) =>
    message.kind === 'tick' && state.cells.has(run)
      ? new StepFailure(message, run, new Error('its timer is broken'))
      : undefined,
  );
}
const parked = async (run: string): Promise<void> =>
  await until(() => rig.host.status().parked === 1, PARKED_MS).then(
    async () => await watch.eventually(async () => (await recordOf(run))['parked'] !== undefined),
  );
async function recordOf(run: string): Promise<Record<string, unknown>> {
  const text = `select convert_from(record, 'UTF8') as record from run_now where id = $1`;
  const { rows } = await database.admin.query(text, [run]);
  return JSON.parse((rows[0]?.['record'] as string | undefined) ?? '{}') as Record<string, unknown>;
}

describe('a run that fails each time its time comes', () => {
  test('is parked at the third failure; its siblings end; a person resumes it', async () => {
    const [culprit = '', ...siblings] = await rig.submit(20);
    brokenTimer(culprit);
    await parked(culprit);
    expect(await watch.state(culprit)).toBe('PAUSED');
    const reason = 'it failed 3 times within a minute: its timer is broken';
    expect(await recordOf(culprit)).toMatchObject({ paused: { by: 'orrery', reason } });
    expect(rig.host.status()).toMatchObject({ bugs: 3, parked: 1, aside: 0 });
    await watch.executorReady(rig, database.life);
    await until(() => rig.tokens().length === siblings.length, BOUND_MS);
    rig.up('x1', ...rig.tokens().map((token) => rig.resultOf(token)));
    await watch.eventually(async () => (await watch.count('history')) === siblings.length);
    expect(rig.host.status().bugs).toBe(3);
    vi.restoreAllMocks();
    const command = await rig.command(culprit, { kind: 'resume' });
    expect(await watch.answerOf(command)).toEqual({ ok: true, state: 'READY' });
    await until(() => rig.tokens().some(({ run }) => run === culprit), BOUND_MS);
  }, 40_000);

  test('stays parked with its next owner, which never fails at it', async () => {
    await watch.executorReady(rig, database.life);
    const [culprit = ''] = await rig.submit(1);
    await until(() => rig.tokens().length === 1, BOUND_MS);
    const [token] = rig.tokens();
    if (token === undefined) throw new Error('nothing was granted');
    brokenTimer(culprit);
    await parked(culprit);
    expect(await watch.state(culprit)).toBe('GRANTED');
    await rig.stop();
    rigs.splice(0);
    rig = start('t2');
    await watch.owns(rig);
    const [sibling = ''] = await rig.submit(1);
    await watch.becomes(sibling, 'READY');
    expect(rig.host.status().bugs).toBe(0);
    rig.up('x1', rig.resultOf(token));
    vi.restoreAllMocks();
    rig.born('x1', 1, token.incarnation, database.life);
    await rig.cancel(culprit);
    await watch.becomes(culprit, 'CANCELLING');
    rig.up('x1', rig.resultOf(token, null, 'CANCELLED'));
    await watch.becomes(culprit, 'CANCELLED');
  }, 40_000);
});

const isOf = (message: PartitionMessage, kind: PartitionMessage['kind'], run: string): boolean =>
  message.kind === kind && 'run' in message && message.run === run;

test('a command that fails each time is set aside, and its run goes on', async () => {
  await watch.owns(rig);
  const [run = ''] = await rig.submit(1);
  await watch.becomes(run, 'READY');
  plant((_, message) =>
    isOf(message, 'pause', run) ? new StepFailure(message, run, new Error('no pause')) : undefined,
  );
  const command = await rig.command(run, { kind: 'pause' });
  await until(() => rig.host.status().aside === 1, PARKED_MS);
  await watch.eventually(async () => (await watch.count('inbox')) === 0);
  expect(await watch.count('aside', `kind = 'pause' and run = '${run}'`)).toBe(1);
  expect(rig.host.status()).toMatchObject({ bugs: 3, parked: 0 });
  expect(await watch.answerOf(command)).toMatchObject({ ok: false, code: 'SET_ASIDE' });
  await rig.cancel(run);
  await watch.becomes(run, 'CANCELLED');
}, 40_000);

test('a run that cannot be taken in is parked, not lost', async () => {
  await watch.owns(rig);
  plant((_, message) =>
    message.kind === 'submitted'
      ? new StepFailure(message, message.cell.facts.id, new Error('no room'))
      : undefined,
  );
  const [run = ''] = await rig.submit(1);
  await parked(run);
  expect(await watch.state(run)).toBe('PAUSED');
  await rig.cancel(run);
  await watch.becomes(run, 'CANCELLED');
  expect(await watch.count('inbox')).toBe(0);
}, 40_000);

test('a partition that fails whatever is left out is given up; the others go on', async () => {
  await trouble.well(database.admin);
  await watch.owns(rig);
  plant((state, message) =>
    state.id === 1 && message.kind === 'tick' ? new Error('no way') : undefined,
  );
  await watch.eventually(async () => (await watch.count('partition', 'gave_up = 3')) === 1);
  const where = `id = 1 and gave_up_why = 'it failed 3 times within a minute: no way'`;
  expect(await watch.count('partition', where)).toBe(1);
  expect(rig.errors).toContain('a partition is given up');
  const { bugs } = rig.host.status();
  expect(bugs).toBe(9);
  vi.restoreAllMocks();
  await until(() => rig.host.status().owned === 2, PARKED_MS);
}, 40_000);
