import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import type { Client } from '#client';
import { Orrery, isAlive } from '../support/orrery.js';
import { submit, succeeded } from '../support/runs.js';

const STOP_AFTER_MS = 5_000;
const SOON_MS = 20_000;

const orrery = new Orrery();
const pids = path.join(orrery.home, 'pids');
let client: Client;

beforeAll(async () => {
  await orrery.start();
  client = orrery.client();
}, 90_000);
afterAll(async () => {
  for (const pid of orrery.pidsOf('scheduler')) process.kill(pid, 'SIGCONT');
  await client?.close();
  await orrery.remove();
}, 30_000);

/** Whole lines alone: the shell makes the file before it writes into it. */
function pidsOf(): number[] {
  const text = fs.existsSync(pids) ? fs.readFileSync(pids, 'utf8') : '';
  return text.split('\n').slice(0, -1).map(Number);
}

test('what nobody answers for stops itself, and is retried once somebody does (3.6)', async () => {
  const command = `echo $$ >> '${pids}'; [ "$ORRERY_ATTEMPT" = 2 ] || exec sleep 100`;
  const spec = {
    ...{ kind: 'shell', command, retry: { maxAttempts: 2, delay: '50ms' } },
    disconnect: { stopAfter: `${STOP_AFTER_MS}ms` },
  };
  const id = await submit(client, { spec });
  await until(() => pidsOf().length === 1, SOON_MS);
  const [first = 0] = pidsOf();
  const executors = orrery.pidsOf('executor');

  const stoppedAt = performance.now();
  for (const pid of orrery.pidsOf('scheduler')) process.kill(pid, 'SIGSTOP');
  await until(() => !isAlive(first), SOON_MS);
  // The last answer came a moment before: while answers count, they are asked for every 1.5 s.
  expect(performance.now() - stoppedAt).toBeGreaterThan(STOP_AFTER_MS - 2_000);
  expect(orrery.pidsOf('executor')).toEqual(executors);
  expect(executors.every(isAlive)).toBe(true);

  for (const pid of orrery.pidsOf('scheduler')) process.kill(pid, 'SIGCONT');
  const run = await succeeded(client, id, SOON_MS);
  expect(run.attempts.map(({ outcome }) => outcome)).toEqual(['LOST', 'SUCCEEDED']);
  const query = 'query($id: ID!) { run(id: $id) { attempts { error { class message } } } }';
  expect(await client.request(query, { id })).toMatchObject({
    value: {
      run: { attempts: [{ error: { message: 'it stopped itself: no answer for 5 s' } }, {}] },
    },
  });
}, 60_000);
