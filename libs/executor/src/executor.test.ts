import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { createBroker } from '#broker';
import { statOf } from '#process';
import { type Executor, type ExecutorOptions, createExecutor } from './index.js';
import {
  BOUND_MS,
  CLUSTER,
  FakeOwner,
  type World,
  openWorld,
  silent,
} from './testkit/fake-owner.js';

const HANDLERS = new URL('./fixtures/handlers.mjs', import.meta.url);
const from = (name: string): { module: URL; export: string } => ({
  module: HANDLERS,
  export: name,
});

let world: World;
let owner: FakeOwner;
let executor: Executor;

function make(options: Partial<ExecutorOptions> = {}): Executor {
  const { url: mqttUrl, directory } = world;
  const handlers = {
    noop: from('noop'),
    add: from('add'),
    inline: () => 'inline',
    ignores: from('ignores'),
  };
  const given = { mqttUrl, directory, id: 'x1', cluster: CLUSTER, handlers, beatMs: 200 };
  return createExecutor({ ...given, ...options });
}

beforeEach(async () => {
  world = await openWorld(createBroker({ log: silent }));
  owner = await FakeOwner.open(world.url, 'x1');
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

describe('an executor on the wire', () => {
  it('is born, welcomed with an incarnation, and runs a shell attempt to its ack', async () => {
    await start();
    expect(owner.birth).toMatchObject({
      incarnation: 1,
      cluster: 'life-1',
      capabilities: [
        'shell',
        'http',
        'function:noop',
        'function:add',
        'function:inline',
        'function:ignores',
      ],
    });
    owner.assign(owner.token('r1'), { kind: 'shell', command: 'echo hi; echo oh >&2' });
    const result = await owner.heardOf('result', 'r1');
    expect(result).toMatchObject({ outcome: 'SUCCEEDED', exitCode: 0, signal: null, error: null });
    expect(JSON.parse(result.result ?? '')).toEqual({ stdout: 'hi\n', stderr: 'oh\n' });
    expect(result.startedAgoMs).toBeGreaterThanOrEqual(result.finishedAgoMs);
    expect(owner.kinds('r1')[0]).toBe('claimed');
    await until(() => executor.state.outbox === 0 && executor.state.busy === 0, BOUND_MS);
    await until(() => owner.logOf('r1', 'stdout') === 'hi\n', BOUND_MS);
    expect(owner.logOf('r1', 'stderr')).toBe('oh\n');
  });

  it('runs functions in threads and in the host', async () => {
    await start();
    owner.assign(owner.token('f1'), { kind: 'function', name: 'add' }, { params: '{"a":1,"b":2}' });
    owner.assign(owner.token('f2'), { kind: 'function', name: 'inline' });
    expect(await owner.heardOf('result', 'f1')).toMatchObject({
      outcome: 'SUCCEEDED',
      result: '3',
    });
    expect(await owner.heardOf('result', 'f2')).toMatchObject({ result: '"inline"' });
  });

  it('confirms each freeze and thaw of a shell attempt, and none of a function', async () => {
    await start();
    const call = owner.token('f');
    owner.assign(call, { kind: 'function', name: 'ignores' });
    const token = owner.token('r');
    owner.assign(token, { kind: 'shell', command: 'echo $$; while :; do sleep 0.02; done' });
    await owner.heardOf('started', 'f');
    await until(() => owner.logOf('r', 'stdout').endsWith('\n'), BOUND_MS);
    const pid = Number(owner.logOf('r', 'stdout'));
    const froze = (): number[] => owner.ups.flatMap((up) => (up.kind === 'froze' ? [up.seq] : []));
    owner.own({ kind: 'freeze', token: call, on: true, seq: 50 });
    owner.own({ kind: 'freeze', token, on: true, seq: 51 });
    owner.own({ kind: 'freeze', token, on: true, seq: 51 });
    await until(() => froze().length === 2, BOUND_MS);
    // D: it waits in vfork for a child that is stopped.
    const isStopped = (): boolean => /^[TD]$/.test(statOf(pid)?.[0] ?? '');
    await until(isStopped, BOUND_MS);
    owner.own({ kind: 'freeze', token, on: false, seq: 52 });
    owner.own({ kind: 'freeze', token, on: true, seq: 51 });
    await until(() => (executor.refused['older-word'] ?? 0) > 0, BOUND_MS);
    await until(() => froze().length === 3, BOUND_MS);
    expect(froze()).toEqual([51, 51, 52]);
    await until(() => !isStopped(), BOUND_MS);
  });

  it('answers an assignment that is repeated with what it knows, and runs it once', async () => {
    await start();
    owner.acks = false;
    const token = owner.token('r');
    const spec = { kind: 'shell', command: 'echo once' };
    owner.assign(token, spec);
    await owner.heardOf('result', 'r');
    owner.assign(token, spec);
    await until(() => owner.kinds('r').filter((kind) => kind === 'result').length >= 2, BOUND_MS);
    await until(() => executor.state.busy === 0, BOUND_MS);
    expect(owner.kinds('r').filter((kind) => kind === 'claimed')).toHaveLength(1);
    expect(owner.logOf('r', 'stdout')).toBe('once\n');
  });

  it('restates a result until its ack, and to nobody afterwards', async () => {
    await start();
    owner.acks = false;
    const token = owner.token('r');
    owner.assign(token, { kind: 'function', name: 'noop' });
    await until(() => owner.kinds('r').filter((kind) => kind === 'result').length >= 2, BOUND_MS);
    owner.own({ kind: 'ack', token, of: 'bounce' });
    owner.own({ kind: 'ack', token, of: 'result' });
    await until(() => executor.state.outbox === 0, BOUND_MS);
    expect(executor.refused).toMatchObject({ unknown: 1 });
  });

  it('never starts what was cancelled before it came', async () => {
    await start();
    const token = owner.token('r');
    owner.own({ kind: 'cancel', token, graceMs: 0, why: 'asked' });
    owner.assign(token, { kind: 'shell', command: 'echo no' });
    expect(await owner.heardOf('result', 'r')).toMatchObject({ outcome: 'CANCELLED' });
    owner.assign(owner.token('after'), { kind: 'shell', command: 'echo yes' });
    await owner.heardOf('result', 'after');
    expect(owner.kinds('r')).not.toContain('started');
    expect(owner.logOf('r', 'stdout')).toBe('');
  });

  it('cancels what runs, and says so once it is dead', async () => {
    await start();
    const token = owner.token('r');
    owner.assign(token, { kind: 'shell', command: 'sleep 100' });
    await owner.heardOf('started', 'r');
    owner.own({ kind: 'cancel', token, graceMs: 5_000, why: 'asked' });
    const result = await owner.heardOf('result', 'r');
    expect(result).toMatchObject({ outcome: 'CANCELLED', signal: 'SIGTERM' });
  });

  it('bounces what does not fit or has no handler; rejects what is invalid', async () => {
    executor = make({ slots: 1 });
    await start();
    const bounce = async (run: string): Promise<string> =>
      (await owner.heardOf('bounce', run)).reason;
    owner.assign(owner.token('h'), { kind: 'function', name: 'absent' });
    expect(await bounce('h')).toContain('no handler with the name absent');
    owner.assign(owner.token('k'), { kind: 'container', image: 'x' });
    expect(await bounce('k')).toContain('container');
    owner.assign(owner.token('i'), { kind: 'shell' });
    const invalid = await owner.heardOf('result', 'i');
    expect(invalid).toMatchObject({ outcome: 'REJECTED', error: { class: 'SPEC_INVALID' } });
    const long = owner.token('long');
    owner.assign(long, { kind: 'shell', command: 'sleep 100' });
    await owner.heardOf('started', 'long');
    owner.assign(owner.token('f'), { kind: 'shell', command: 'true' });
    expect(await bounce('f')).toContain('full');
  });

  it('beats at once and regularly, and knows how long nobody has answered', async () => {
    await start();
    await until(() => owner.beats.length >= 4, BOUND_MS);
    expect(owner.beats).toEqual(owner.beats.map((_n, i) => i + (owner.beats[0] ?? 0)));
    expect(executor.isolatedForMs).toBeLessThan(1_000);
    owner.answersBeats = false;
    await until(() => executor.isolatedForMs > 500, BOUND_MS);
    owner.answersBeats = true;
    await until(() => executor.isolatedForMs < 300, BOUND_MS);
  });

  it('is born anew each second until it is welcomed, and whenever it is asked', async () => {
    owner.welcome = undefined;
    await executor.start();
    await until(() => owner.births >= 2, BOUND_MS);
    expect(executor.state).toMatchObject({ connected: true, welcomed: false });
    owner.welcome = (birth) => birth.incarnation ?? 4;
    await until(() => executor.state.welcomed, BOUND_MS);
    expect(executor.incarnation).toBe(4);
    const { births } = owner;
    owner.say({ kind: 'rebirth' });
    await until(() => owner.births > births, BOUND_MS);
  });

  it('tells a new session all it holds, and restates the digest until it is taken in', async () => {
    await start();
    owner.acks = false;
    const token = owner.token('r');
    owner.assign(token, { kind: 'shell', command: 'sleep 100' });
    await owner.heardOf('started', 'r');
    const session = owner.birth?.session;
    await world.broker.stop();
    await until(() => !executor.state.connected, BOUND_MS);
    owner.ups.length = 0;
    await world.broker.start();
    await until(() => executor.state.welcomed, BOUND_MS);
    expect(owner.birth?.session).not.toBe(session);
    const digests = (): number => owner.ups.filter((up) => up.kind === 'digest').length;
    await until(() => digests() >= 2, BOUND_MS);
    const digest = await owner.digest();
    expect(digest).toMatchObject({ incarnation: 1, watermark: { epoch: 1, seq: 1 } });
    expect(digest.entries).toEqual([{ token, phase: 'started' }]);
    owner.acks = true;
    owner.own({ kind: 'cancel', token, graceMs: 0, why: 'done' });
    await owner.heardOf('result', 'r');
  });

  it('speaks to the newest owner by epoch, whoever spoke last', async () => {
    const second = await FakeOwner.open(world.url, 'x1', 'thread-2');
    try {
      await start();
      second.session = owner.session;
      second.welcome = undefined;
      second.epoch = 2;
      second.own({ kind: 'askDigest' });
      await second.digest();
      owner.own({ kind: 'askDigest' });
      await until(() => second.ups.filter((up) => up.kind === 'digest').length >= 2, BOUND_MS);
      expect(owner.ups).toEqual([]);
    } finally {
      await second.close();
    }
  });

  it('counts and drops what it does not understand', async () => {
    await start();
    owner.say({ kind: 'rebirth' }, 'another session');
    await until(() => executor.refused['other-session'] === 1, BOUND_MS);
    owner.raw('[1,"thread-1","s",[["?"]]]');
    owner.raw('no json');
    await until(() => executor.refused['not-json'] === 1, BOUND_MS);
    expect(executor.refused['wrong-schema']).toBe(1);
  });

  it('drains: takes no more, lets what runs end, then ends the rest as LOST', async () => {
    await start();
    owner.assign(owner.token('short'), { kind: 'shell', command: 'sleep 0.2; echo done' });
    owner.assign(owner.token('long'), { kind: 'shell', command: 'sleep 100' });
    await owner.heardOf('started', 'short');
    await owner.heardOf('started', 'long');
    const stopped = executor.stop({ drainMs: 600 });
    await until(() => owner.birth?.draining === true, BOUND_MS);
    owner.assign(owner.token('late'), { kind: 'shell', command: 'true' });
    expect(await owner.heardOf('bounce', 'late')).toMatchObject({
      reason: expect.stringMatching(/draining/) as string,
    });
    await stopped;
    expect(await owner.heardOf('result', 'short')).toMatchObject({ outcome: 'SUCCEEDED' });
    expect(await owner.heardOf('result', 'long')).toMatchObject({ outcome: 'LOST' });
    expect(executor.state).toMatchObject({ phase: 'stopped', connected: false });
  });

  it('tolerates a stop without a start, two starts and two stops', async () => {
    await executor.stop();
    await Promise.all([executor.start(), executor.start()]);
    await until(() => executor.state.welcomed, BOUND_MS);
    await Promise.all([executor.stop(), executor.stop()]);
    await executor.start();
    await until(() => executor.state.welcomed, BOUND_MS);
  });

  it('starts without a broker, and works once there is one', async () => {
    await world.broker.stop();
    await executor.start();
    expect(executor.state).toMatchObject({ phase: 'running', connected: false });
    await world.broker.start();
    await until(() => executor.state.welcomed, BOUND_MS);
    await executor.stop();
  });
});
