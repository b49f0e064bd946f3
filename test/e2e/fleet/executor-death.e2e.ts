import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import type { Client } from '#client';
import { decodeExecutorPresence, encodePresence } from '#protocol';
import { Follower, startsOf } from '../chaos/history.js';
import { Orrery, isAlive, kill } from '../support/orrery.js';
import { eventually, readRun, stateOfExecutor, submit, succeeded } from '../support/runs.js';
import { Wire, topics } from '../support/wire.js';

const RUNS = 5;
/** What the issue promises: OFFLINE after a kill, and a retry after the return, within this. */
const SOON_MS = 1_000;
/** A whole process starts anew on a machine that may be busy. */
const RETURN_MS = 20_000;
const PRESENCE = topics.executorPresence('executor-1');

const orrery = new Orrery();
const written = path.join(orrery.home, 'starts');
const gate = path.join(orrery.home, 'gate');
const follower = new Follower(orrery);
let client: Client;
let wire: Wire;

beforeAll(async () => {
  const { mqtt } = await orrery.start();
  client = orrery.client();
  wire = await Wire.open(mqtt);
  await wire.hear(PRESENCE);
}, 90_000);
afterAll(async () => {
  wire?.close();
  await follower.stop();
  await client?.close();
  await orrery.remove();
}, 30_000);

/** Says that it started, and who it is; its first attempt then goes on until `end` is true. */
const job = (end: string): Readonly<Record<string, unknown>> => ({
  kind: 'shell',
  command:
    `echo $$ >> '${written}.pids'; echo "$ORRERY_RUN_ID $ORRERY_ATTEMPT" >> '${written}'; ` +
    `[ "$ORRERY_ATTEMPT" = 2 ] || until ${end}; do sleep 0.05; done`,
  retry: { maxAttempts: 2, delay: '50ms' },
});

const present = (): { readonly state: string; readonly session: string } | undefined =>
  decodeExecutorPresence(wire.newest.get(PRESENCE) ?? '');
const sessionOf = async (): Promise<string> => {
  await until(() => present()?.state === 'birth', RETURN_MS);
  return present()?.session ?? '';
};
const state = (): Promise<string> => stateOfExecutor(client);

let former: string;

test('a killed executor is OFFLINE within 1 s, and retries within 1 s of its return', async () => {
  await eventually(state, (seen) => seen === 'ACTIVE', RETURN_MS);
  former = await sessionOf();
  await follower.start();
  const ids: string[] = [];
  for (let n = 0; n < RUNS; n++) ids.push(await submit(client, { spec: job('false') }));
  await until(() => startsOf(written).size === RUNS, RETURN_MS);
  const [pid = 0] = orrery.pidsOf('executor');
  const ours = new Set(ids);
  const started = (attempt: number): number =>
    follower.events.filter(
      ({ type, attempt: of, run }) => type === 'STARTED' && of === attempt && ours.has(run.id),
    ).length;
  await until(() => started(1) === RUNS, RETURN_MS);

  const killedAt = performance.now();
  kill(pid);
  await eventually(state, (seen) => seen === 'OFFLINE', SOON_MS);
  const offlineMs = performance.now() - killedAt;
  await eventually(state, (seen) => seen === 'ACTIVE', RETURN_MS);
  const backAt = performance.now();
  await until(() => started(2) === RUNS, RETURN_MS);
  const retriedMs = performance.now() - backAt;

  expect(offlineMs).toBeLessThan(SOON_MS);
  expect(retriedMs).toBeLessThan(SOON_MS);
  expect(orrery.pidsOf('executor')).not.toContain(pid);
  for (const id of ids) {
    const run = await succeeded(client, id, RETURN_MS);
    expect(run.attempts.map(({ outcome }) => outcome)).toEqual(['LOST', 'SUCCEEDED']);
  }
  // Each attempt began once, and nothing of the first ones goes on behind our back.
  expect([...startsOf(written).values()]).toEqual(Array.from({ length: RUNS * 2 }, () => 1));
  const pids = fs.readFileSync(`${written}.pids`, 'utf8').trim().split('\n').map(Number);
  expect(pids).toHaveLength(RUNS * 2);
  await until(() => !pids.some(isAlive), RETURN_MS);
}, 90_000);

test('a late will of an older session changes nothing', async () => {
  const session = await sessionOf();
  expect(session).not.toBe(former);
  const id = await submit(client, { spec: job(`[ -e '${gate}' ]`) });
  const isRunning = (run: { state: string }): boolean => run.state === 'RUNNING';
  await eventually(() => readRun(client, id), isRunning, RETURN_MS);

  // Everything that is seen until the executor has put its birth in the will's place.
  const seen = new Set<string>();
  const will = encodePresence({ v: 1, state: 'death', session: former });
  for (const retain of [false, true, true]) {
    await wire.say(PRESENCE, will, retain);
    await until(() => present()?.session === former || !retain, RETURN_MS);
    const look = async (): Promise<string> => {
      seen.add(await state()).add((await readRun(client, id)).state);
      return present()?.session ?? '';
    };
    await eventually(look, (present) => present === session, RETURN_MS);
  }
  expect([...seen]).toEqual(['ACTIVE', 'RUNNING']);
  expect(present()?.state).toBe('birth');

  await succeeded(client, await submit(client, { job: 'noop' }), RETURN_MS);
  fs.writeFileSync(gate, '');
  const run = await succeeded(client, id, RETURN_MS);
  expect(run.attempts).toHaveLength(1);
}, 60_000);

test('a will of its present session does', async () => {
  const session = await sessionOf();
  const [pid = 0] = orrery.pidsOf('executor');
  // Standing still it cannot put its birth in the will's place.
  process.kill(pid, 'SIGSTOP');
  try {
    await wire.say(PRESENCE, encodePresence({ v: 1, state: 'death', session }), true);
    await eventually(state, (seen) => seen === 'OFFLINE', SOON_MS);
  } finally {
    kill(pid);
  }
  // A session that was said to be over stays so; the next one is heard.
  await eventually(state, (seen) => seen === 'ACTIVE', RETURN_MS);
  expect(await sessionOf()).not.toBe(session);
  await succeeded(client, await submit(client, { job: 'noop' }), RETURN_MS);
}, 60_000);
