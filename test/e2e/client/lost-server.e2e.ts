import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { Orrery, cli, kill } from '../support/orrery.js';
import { type RunState, eventually, readRun } from '../support/runs.js';

const MAIN = path.resolve(import.meta.dirname, '../../../dist/apps/cli/src/main.js');
const BOUND_MS = 30_000;
const orrery = new Orrery();

beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

test('who waits is told that the gateway is lost and back, and has the end', async () => {
  const file = path.join(orrery.home, 'end');
  const command = `until [ -e '${file}' ]; do sleep 0.1; done; echo done`;
  const words = ['submit', '--shell', command, '--wait'];
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: orrery.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes) => (out += String(bytes)));
  child.stderr.on('data', (bytes) => (err += String(bytes)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until(() => err.includes('run '), BOUND_MS);
  const [, id = ''] = /^run (\S+)/.exec(err) ?? [];
  const client = orrery.client();
  const isAtWork = ({ state }: RunState): boolean => state === 'RUNNING';
  await eventually(() => readRun(client, id), isAtWork, BOUND_MS);
  await client.close();
  for (const pid of orrery.pidsOf('gateway')) kill(pid);
  await until(() => err.includes('is back'), BOUND_MS);
  fs.writeFileSync(file, '');
  expect(await ended).toBe(0);
  const { graphql } = orrery.endpoint();
  expect(out).toBe('done\n');
  expect(err.trimEnd().split('\n')).toEqual([
    `run ${id}`,
    `lost the server at ${graphql}, trying again…`,
    expect.stringContaining(`npx orrery runs get ${id}`),
    `the server at ${graphql} is back`,
  ]);
}, 90_000);

test('the time for waiting ends the wait, and not the run', async () => {
  const words = ['submit', '--shell', 'sleep 2', '--wait', '--wait-timeout', '200ms'];
  const { code, err } = await cli(orrery, words);
  expect(code).toBe(124);
  const [, id = ''] = /runs wait (\S+)/.exec(err) ?? [];
  const waited = await cli(orrery, ['runs', 'wait', id, '--timeout', '30s', '--output', 'json']);
  expect([waited.code, JSON.parse(waited.out)]).toMatchObject([0, { id, state: 'SUCCEEDED' }]);
}, 60_000);

test('when all is stopped, what would wait ends at once', async () => {
  const { graphql: ORRERY_API_URL } = orrery.endpoint();
  await orrery.stop();
  const gone = new Orrery(orrery.home, { ORRERY_API_URL, ORRERY_API_KEY: 'x' });
  for (const words of [
    ['submit', '--shell', 'x', '--wait'],
    ['runs', 'logs', 'x', '-f'],
  ]) {
    const { code, err } = await cli(gone, words);
    expect([code, err]).toEqual([1, expect.stringContaining(`Nothing answers at`)]);
    expect(err).not.toContain('again');
  }
}, 60_000);
