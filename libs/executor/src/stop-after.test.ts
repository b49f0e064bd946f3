import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock, until } from '#actor';
import { createBroker } from '#broker';
import { isZombie, statOf } from '#process';
import { type Executor, type ExecutorOptions, createExecutor } from './index.js';
import {
  BOUND_MS,
  CLUSTER,
  FakeOwner,
  type World,
  openWorld,
  silent,
} from './testkit/fake-owner.js';

/** Far more than a loaded machine is late. */
const STOP_AFTER_MS = 60_000;
const SOON_MS = 20_000;
/** Asked to end, it does not: its grace is needed, for its child as well. */
const STUBBORN = "trap '' TERM; sleep 100 & echo $! $$; while :; do sleep 0.05; done";

// An executor ends what is left of its name, also while another test uses that.
const ID = 'x-stop-after';

let world: World;
let owner: FakeOwner;
let executor: Executor;
/** How far the executor's clock is ahead of the machine's. */
let aheadMs: number;

const clock: Clock = {
  now: () => systemClock.now(),
  elapsed: () => systemClock.elapsed() + aheadMs,
  after: (ms, run) => systemClock.after(ms, run),
};
const isDead = (pid: number): boolean => {
  const stat = statOf(pid);
  return stat === undefined || isZombie(stat);
};

function make(options: Partial<ExecutorOptions> = {}): Executor {
  const { url: mqttUrl, directory } = world;
  const given = { mqttUrl, directory, id: ID, cluster: CLUSTER, beatMs: 200, clock };
  return createExecutor({ ...given, ...options });
}

beforeEach(async () => {
  aheadMs = 0;
  world = await openWorld(createBroker({ log: silent }));
  owner = await FakeOwner.open(world.url, ID);
  executor = make();
});

afterEach(async () => {
  await executor.stop();
  await owner.close();
  await world.end();
});

async function start(): Promise<void> {
  await executor.start();
  await until(() => executor.state.welcomed, BOUND_MS);
}

/** Answers its process and its process's child. */
async function run(command = STUBBORN): Promise<readonly number[]> {
  const more = { stopAfterMs: STOP_AFTER_MS, timeoutMs: 3_600_000, graceMs: 300 };
  owner.assign(owner.token('r'), { kind: 'shell', command }, more);
  await owner.heardOf('started', 'r');
  await until(() => owner.logOf('r', 'stdout').endsWith('\n'), BOUND_MS);
  return owner.logOf('r', 'stdout').trim().split(' ').map(Number);
}

const silence = (): void => {
  owner.answersBeats = false;
  owner.welcome = undefined;
};
const waited = (ms: number): Promise<void> => until(() => executor.isolatedForMs >= ms, BOUND_MS);
/** Looked at several times by the executor. */
const looked = (): Promise<void> => new Promise((resolve) => systemClock.after(600, resolve));
const STOPPED = {
  outcome: 'LOST',
  error: { class: 'LOST', message: 'it stopped itself: no answer for 60 s' },
};

describe('disconnect.stopAfter (3.6)', () => {
  it('with the broker there its whole tree ends, and that is said', async () => {
    await start();
    const pids = await run();
    silence();
    aheadMs += STOP_AFTER_MS - SOON_MS;
    await looked();
    expect(pids.map(isDead)).toEqual([false, false]);
    aheadMs += SOON_MS;
    expect(await owner.heardOf('result', 'r')).toMatchObject(STOPPED);
    expect(pids.map(isDead)).toEqual([true, true]);
    expect(executor.state).toMatchObject({ phase: 'running', connected: true, busy: 0 });
  });

  it('an answer before that counts anew, also after beats that nobody answered', async () => {
    await start();
    const pids = await run();
    for (let i = 0; i < 2; i++) {
      silence();
      aheadMs += STOP_AFTER_MS - SOON_MS;
      await waited(STOP_AFTER_MS - SOON_MS);
      owner.answersBeats = true;
      await until(() => executor.isolatedForMs < SOON_MS, BOUND_MS);
    }
    await looked();
    expect(pids.map(isDead)).toEqual([false, false]);
  });

  it('without a link as well, and the next life of the executor says it', async () => {
    await start();
    const pids = await run();
    await world.broker.stop();
    aheadMs += STOP_AFTER_MS;
    await until(() => pids.every(isDead) && executor.state.outbox === 1, BOUND_MS);
    expect(executor.state).toMatchObject({ phase: 'running', connected: false });
    await executor.stop();
    executor = make();
    await world.broker.start();
    await start();
    expect(await owner.heardOf('result', 'r')).toMatchObject(STOPPED);
    await until(() => executor.state.outbox === 0, BOUND_MS);
  });

  it('a link that is back with nobody behind it is no answer', async () => {
    await start();
    const pids = await run();
    silence();
    aheadMs += STOP_AFTER_MS - SOON_MS;
    await world.broker.stop();
    await until(() => !executor.state.connected, BOUND_MS);
    await world.broker.start();
    await until(() => executor.state.connected, BOUND_MS);
    expect(executor.isolatedForMs).toBeGreaterThanOrEqual(STOP_AFTER_MS - SOON_MS);
    aheadMs += SOON_MS;
    await until(() => pids.every(isDead), BOUND_MS);
  });

  it('what waits for a slot goes back and never starts; what has none goes on', async () => {
    executor = make({ slots: 1, backlog: 1 });
    await start();
    const first = { timeoutMs: 3_600_000 };
    owner.assign(owner.token('first'), { kind: 'shell', command: 'sleep 100' }, first);
    await owner.heardOf('started', 'first');
    const more = { stopAfterMs: STOP_AFTER_MS };
    owner.assign(owner.token('r'), { kind: 'shell', command: 'true' }, more);
    await owner.heardOf('claimed', 'r');
    silence();
    aheadMs += STOP_AFTER_MS;
    expect(await owner.heardOf('bounce', 'r')).toMatchObject({ reason: 'no answer for 60 s' });
    expect(executor.state.busy).toBe(1);
    expect(owner.kinds('r')).not.toContain('started');
    expect(owner.kinds('first')).not.toContain('result');
  });

  it('beats more often than it is set to while that counts', async () => {
    executor = make({ beatMs: 60_000 });
    await start();
    await until(() => executor.isolatedForMs > 600, BOUND_MS);
    const { length } = owner.beats;
    aheadMs += 1_500;
    await looked();
    expect(owner.beats).toHaveLength(length);
    await run();
    const before = owner.beats.length;
    aheadMs += 1_500;
    await until(() => owner.beats.length > before && executor.isolatedForMs < 600, BOUND_MS);
  });
});
