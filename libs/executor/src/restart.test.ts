import { fileURLToPath } from 'node:url';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until, workerUrl } from '#actor';
import { createBroker } from '#broker';
import type { LedgerRecord, Token } from '#core';
import { type Executor, type ExecutorOptions, createExecutor } from './index.js';
import { isAlive, statOf } from '#process';
import { openStore } from './store/directory.js';
import {
  BOUND_MS,
  CLUSTER,
  FakeOwner,
  type World,
  openWorld,
  silent,
} from './testkit/fake-owner.js';

const CHILD = fileURLToPath(workerUrl(import.meta.url, './fixtures/child')).replace(
  /\.js$/,
  '.mjs',
);

let world: World;
let owner: FakeOwner;
let executor: Executor | undefined;
let child: ChildProcess | undefined;

beforeEach(async () => {
  world = await openWorld(createBroker({ log: silent }));
  owner = await FakeOwner.open(world.url, 'x1');
});

afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await executor?.stop();
  executor = undefined;
  await owner.close();
  await world.end();
});

const options = (): ExecutorOptions => ({
  mqttUrl: world.url,
  directory: world.directory,
  id: 'x1',
  cluster: CLUSTER,
  beatMs: 200,
});

async function start(): Promise<Executor> {
  executor = createExecutor(options());
  await executor.start();
  const { state } = executor;
  if (!state.welcomed) await until(() => executor?.state.welcomed === true, BOUND_MS);
  return executor;
}

async function startChild(): Promise<ChildProcess> {
  const forked = fork(CHILD, [JSON.stringify(options())]);
  child = forked;
  const before = owner.births;
  let isWelcomed = false;
  forked.on('message', (state: { readonly welcomed: boolean }) => {
    isWelcomed ||= state.welcomed;
  });
  await until(() => isWelcomed && owner.births > before, BOUND_MS);
  return forked;
}

const shell = (command: string): object => ({ kind: 'shell', command });
const at = (name: string): string => path.join(world.directory, name);

/** What a former life of the executor had on its disk. */
async function write(records: readonly LedgerRecord[]): Promise<void> {
  const store = await openStore(world.directory, 'x1');
  await store.journal.rewrite(records);
  await store.close();
}

function accepted(token: Token, command: string): LedgerRecord {
  const work = {
    ...{
      kind: 'SHELL',
      spec: JSON.stringify(shell(command)),
      params: null,
      project: 'p',
      job: 'j',
    },
    ...{ timeoutMs: 10_000, graceMs: 1_000, heartbeatMs: null, stopAfterMs: null },
  };
  return { kind: 'accepted', partition: owner.partition, token, work, at: Date.now() };
}
const IDENTITY: LedgerRecord = { kind: 'identity', incarnation: 1, cluster: 'life-1' };

describe('an executor that comes back', () => {
  it('is the same incarnation, and starts what was accepted and not started', async () => {
    await write([IDENTITY, accepted(owner.token('a'), 'echo again')]);
    await start();
    expect(await owner.heardOf('result', 'a')).toMatchObject({ outcome: 'SUCCEEDED' });
    expect(owner.birth?.incarnation).toBe(1);
  });

  it('reports what had started as LOST, lists it, and keeps it until the ack', async () => {
    const token = owner.token('s');
    owner.acks = false;
    const { partition } = owner;
    const mark: LedgerRecord = { kind: 'started', partition, token, at: Date.now() - 5_000 };
    await write([IDENTITY, accepted(token, `touch ${at('twice')}`), mark]);
    const first = await start();
    const lost = await owner.heardOf('result', 's');
    expect(lost).toMatchObject({ outcome: 'LOST', error: { class: 'LOST' } });
    expect(lost.startedAgoMs).toBeGreaterThanOrEqual(5_000);
    expect((await owner.digest()).entries).toEqual([{ token, phase: 'ended' }]);
    await first.stop();
    owner.ups.length = 0;
    owner.acks = true;
    const second = await start();
    expect(await owner.heardOf('result', 's')).toMatchObject({ outcome: 'LOST' });
    await until(() => second.state.outbox === 0, BOUND_MS);
    owner.assign(token, shell(`touch ${at('twice')}`));
    await until(() => (second.refused['tombstone'] ?? 0) > 0, BOUND_MS);
    expect(existsSync(at('twice'))).toBe(false);
  });

  it.each([
    ['', false],
    [', also what stood still', true],
  ])('kills what its killed process left behind before it says LOST%s', async (_, isFrozen) => {
    const forked = await startChild();
    const token = owner.token('k');
    owner.assign(token, shell(`echo $$ > ${at('pid')}; exec sleep 100`));
    await owner.heardOf('started', 'k');
    await until(() => existsSync(at('pid')) && readFileSync(at('pid'), 'utf8') !== '', BOUND_MS);
    const pid = Number(readFileSync(at('pid'), 'utf8'));
    if (isFrozen) owner.own({ kind: 'freeze', token, on: true, seq: 99 });
    if (isFrozen) await owner.heardOf('froze', 'k');
    forked.kill('SIGKILL');
    await once(forked, 'exit');
    expect(isAlive(pid)).toBe(true);
    expect(statOf(pid)?.[0] === 'T').toBe(isFrozen);
    await startChild();
    expect(await owner.heardOf('result', 'k')).toMatchObject({ outcome: 'LOST' });
    expect(isAlive(pid)).toBe(false);
  });

  it('is another incarnation without its disk, and refuses the tokens of the former', async () => {
    const first = await start();
    const old = owner.token('old');
    await first.stop();
    rmSync(path.join(world.directory, 'journal'));
    owner.welcome = (birth) => birth.incarnation ?? 2;
    const second = await start();
    expect(second.incarnation).toBe(2);
    owner.assign(old, shell(`touch ${at('old')}`));
    await until(() => (second.refused['other-incarnation'] ?? 0) > 0, BOUND_MS);
    owner.assign(owner.token('new'), shell('true'));
    await owner.heardOf('result', 'new');
    expect(existsSync(at('old'))).toBe(false);
  });

  it('is another incarnation when its journal is damaged', async () => {
    await write([IDENTITY]);
    const store = await openStore(world.directory, 'x1');
    await store.journal.rewrite([IDENTITY]);
    await store.journal.append([accepted(owner.token('a'), 'true')]);
    await store.close();
    const file = path.join(world.directory, 'journal');
    writeFileSync(file, `x${readFileSync(file, 'utf8').slice(1)}`);
    owner.welcome = (birth) => birth.incarnation ?? 9;
    expect((await start()).incarnation).toBe(9);
  });

  it('forgets another life of the cluster', async () => {
    const first = await start();
    owner.acks = false;
    owner.assign(owner.token('r'), shell('true'));
    await owner.heardOf('result', 'r');
    await first.stop();
    owner.cluster = 'life-2';
    owner.ups.length = 0;
    owner.welcome = (birth) => (birth.cluster === 'life-2' ? (birth.incarnation ?? 1) : 1);
    const second = await start();
    owner.assign(owner.token('n'), shell('true'));
    await owner.heardOf('result', 'n');
    expect(second.incarnation).toBe(1);
    expect(owner.kinds('r')).toEqual([]);
  });
});
