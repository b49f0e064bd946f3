import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '#client';
import { Orrery } from '../support/orrery.js';
import { type RunState, eventually, readRun, submit, succeeded } from '../support/runs.js';

const WITHIN_MS = 20_000;
const FINAL = /^(SUCCEEDED|DEAD|CANCELLED|EXPIRED|SKIPPED)$/;
const MAIN = path.resolve(import.meta.dirname, '../../../dist/apps/cli/src/main.js');
const orrery = new Orrery();
let client: Client;

beforeAll(async () => {
  await orrery.start();
  client = orrery.client();
}, 90_000);
afterAll(async () => {
  await client?.close();
  await orrery.remove();
}, 30_000);

/** As a person types it. */
async function cli(...words: readonly string[]): Promise<Record<string, unknown>> {
  const env = { PATH: process.env['PATH'] ?? '', ORRERY_HOME: orrery.home };
  const run = promisify(execFile);
  const args = [MAIN, 'runs', ...words, '--output', 'json'];
  const { stdout } = await run(process.execPath, args, { env });
  return JSON.parse(stdout) as Record<string, unknown>;
}
const shell = (command: string, more: object = {}) => ({
  spec: { kind: 'shell', command, ...more },
});
const ended = async (id: string): Promise<RunState> =>
  await eventually(
    () => readRun(client, id),
    ({ state }) => FINAL.test(state),
    WITHIN_MS,
  );

test('a run that is paused waits, is changed, and runs as it is then', async () => {
  const id = await submit(client, {
    ...shell('echo "$ORRERY_PARAMS"'),
    params: { n: 1 },
    after: '1h',
  });
  expect(await cli('pause', id, '--reason', 'month end')).toMatchObject({ state: 'PAUSED' });
  const why = await cli('explain', id);
  expect(why).toMatchObject({ waitingFor: [{ kind: 'PAUSED' }], reason: 'month end' });
  await cli('update', id, '--params', '{"n":2}', '--after', '0s');
  expect((await readRun(client, id)).state).toBe('PAUSED');
  await cli('resume', id);
  await succeeded(client, id, WITHIN_MS);
  const log = await client.request<{ run: { log: { text: string } } }>(
    'query($id: ID!) { run(id: $id) { log { text } } }',
    { id },
  );
  expect(log).toMatchObject({ value: { run: { log: { text: '{"n":2}\n' } } } });
  await expect(cli('pause', id)).rejects.toThrow('RUN_FINAL');
});

test('a dead run is retried with other params, and marked runs are final', async () => {
  const dead = await submit(client, {
    ...shell('test "$ORRERY_PARAMS" = \'{"ok":true}\'', { retry: { maxAttempts: 1 } }),
    params: { ok: false },
  });
  expect((await ended(dead)).state).toBe('DEAD');
  const again = await cli('retry', dead, '--params', '{"ok":true}');
  expect((await ended(String(again['id']))).state).toBe('SUCCEEDED');
  expect((await readRun(client, dead)).state).toBe('DEAD');
  const waiting = await submit(client, { ...shell('true'), after: '1h' });
  await cli('mark', waiting, '--as', 'SKIPPED', '--reason', 'not today');
  expect((await readRun(client, waiting)).state).toBe('SKIPPED');
});

test('R73: a rule ends it at once; R76: so do a heartbeat and a deadline', async () => {
  const retry = {
    maxAttempts: 5,
    delay: '10ms',
    rules: [{ when: { exitCodes: [42] }, then: 'NEVER' }],
  };
  const never = await submit(client, shell('exit 42', { retry }));
  const silent = await submit(
    client,
    shell('sleep 30', { heartbeat: '300ms', retry: { maxAttempts: 1 } }),
  );
  const long = await submit(client, shell('sleep 30', { deadline: '700ms' }));
  expect(await ended(never)).toMatchObject({ state: 'DEAD', attempts: [{ outcome: 'FAILED' }] });
  expect(await ended(silent)).toMatchObject({
    state: 'DEAD',
    attempts: [{ outcome: 'TIMED_OUT' }],
  });
  expect((await ended(long)).state).toBe('DEAD');
  const reason = await cli('explain', long);
  expect(reason['reason']).toContain('deadline');
});
