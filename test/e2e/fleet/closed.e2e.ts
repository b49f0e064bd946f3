import path from 'node:path';
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '#client';
import { Orrery, cli, kill } from '../support/orrery.js';
import {
  allEnded,
  eventually,
  readRun,
  stateOfExecutor,
  submit,
  succeeded,
} from '../support/runs.js';

const SOON_MS = 2_000;
const RETURN_MS = 20_000;

const orrery = new Orrery();
const gate = path.join(orrery.home, 'gate');
let client: Client;

beforeAll(async () => {
  await orrery.start();
  client = orrery.client();
  await allEnded(client, RETURN_MS);
}, 90_000);
afterAll(async () => {
  await client?.close();
  await orrery.remove();
}, 30_000);

const untilOpen = { kind: 'shell', command: `until [ -e '${gate}' ]; do sleep 0.05; done` };
const noop = { spec: { kind: 'shell', command: 'true' } };
const close = async (verb: string, ...options: string[]) => {
  const words = ['executors', verb, 'executor-1', ...options, '--output', 'json'];
  const { out, code } = await cli(orrery, words);
  expect(code).toBe(0);
  return JSON.parse(out) as Readonly<Record<string, unknown>>;
};
const stateOf = async (id: string): Promise<string> => (await readRun(client, id)).state;
const becomes = (id: string, state: string): Promise<string> =>
  eventually(
    () => stateOf(id),
    (seen) => seen === state,
    RETURN_MS,
  );

test('who is cordoned keeps what it has and gets nothing new, also after a restart', async () => {
  const running = await submit(client, { spec: untilOpen });
  await becomes(running, 'RUNNING');
  const told = await close('cordon', '--reason', 'new disk');
  expect(told).toMatchObject({ state: 'CORDONED', changed: true, pending: false });
  expect(await stateOfExecutor(client)).toBe('CORDONED');
  // Its threads read it within a second at most.
  await eventually(
    async () => {
      const one = await submit(client, noop);
      const waiting = await cli(orrery, ['runs', 'explain', one, '--output', 'json']);
      return waiting.out;
    },
    (text) => text.includes('NO_EXECUTOR'),
    SOON_MS,
  );
  fs.writeFileSync(gate, '');
  await succeeded(client, running, RETURN_MS);

  const [pid = 0] = orrery.pidsOf('executor');
  kill(pid);
  await eventually(
    () => stateOfExecutor(client),
    (state) => state === 'OFFLINE',
    SOON_MS,
  );
  await eventually(
    () => stateOfExecutor(client),
    (state) => state === 'CORDONED',
    RETURN_MS,
  );
  const next = await submit(client, noop);
  expect(await close('activate')).toMatchObject({ state: 'ACTIVE', changed: true });
  await succeeded(client, next, RETURN_MS);
  expect((await readRun(client, next)).attempts).toHaveLength(1);
  await allEnded(client, RETURN_MS);
}, 90_000);

test('what runs on a drained one is stopped after its deadline, and runs again', async () => {
  fs.rmSync(gate);
  const spec = {
    ...untilOpen,
    retry: { maxAttempts: 1, delay: '50ms' },
    lossCountsAsAttempt: false,
  };
  const id = await submit(client, { spec });
  await becomes(id, 'RUNNING');
  const told = await close('drain', '--deadline', '1s', '--reason', 'moves');
  expect(told).toMatchObject({ state: 'DRAINING', closed: { reason: 'moves' } });
  expect(await stateOf(id)).toBe('RUNNING');
  await becomes(id, 'READY');
  fs.writeFileSync(gate, '');
  await close('activate');
  const run = await succeeded(client, id, RETURN_MS);
  expect(run.attempts).toHaveLength(2);
}, 60_000);

test('nobody is refused by name; what is said twice changes nothing', async () => {
  const unknown = await cli(orrery, ['executors', 'drain', 'nobody']);
  expect(unknown.code).not.toBe(0);
  expect(unknown.err).toContain('This executor');
  const twice = await close('activate');
  expect(twice).toMatchObject({ changed: false });
}, 30_000);
