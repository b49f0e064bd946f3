import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { startsOf } from '../chaos/history.js';
import { Orrery, isAlive, kill } from '../support/orrery.js';
import { readRun, statesOfRuns, submit, succeeded } from '../support/runs.js';

const RUNS = 100;
const SLOTS = 10;
const BOUND_MS = 30_000;

const orrery = new Orrery(undefined, { ORRERY_EXECUTOR_SLOTS: String(SLOTS) });
const written = path.join(orrery.home, 'starts');
const gate = path.join(orrery.home, 'gate');

beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

/** Begins, and stays until the gate is open: what runs at the kill is known exactly. */
const command =
  `echo "$ORRERY_RUN_ID $ORRERY_ATTEMPT" >> '${written}'; ` +
  `echo $$ >> '${written}.pids'; until [ -e '${gate}' ]; do sleep 0.05; done`;
const spec = { kind: 'shell', command, retry: { maxAttempts: 2, delay: '50ms' } };

test('after kill -9 of everything at once a second start ends what was acknowledged', async () => {
  const client = orrery.client();
  const ids: string[] = [];
  await Promise.all(
    Array.from({ length: RUNS }, async () => ids.push(await submit(client, { spec }))),
  );
  await until(() => startsOf(written).size === SLOTS, BOUND_MS);
  const states = [...(await statesOfRuns(client)).values()];
  expect(states.filter((state) => state === 'RUNNING' || state === 'GRANTED')).toHaveLength(SLOTS);
  const pids = orrery.endpoint().processes.map(({ pid }) => pid);
  expect(pids).toHaveLength(6);

  // The supervisor first, so that it starts none of the others again.
  for (const pid of [orrery.pid, ...pids]) kill(pid);
  await until(() => ![orrery.pid, ...pids].some(isAlive), BOUND_MS);
  const running = [...startsOf(written).keys()].map((start) => start.split(' ')[0] ?? '');
  expect(running).toHaveLength(SLOTS);

  await orrery.start();
  fs.writeFileSync(gate, '');
  const again = orrery.client();
  for (const id of ids) await succeeded(again, id, BOUND_MS);
  const starts = startsOf(written);
  for (const id of ids) {
    const { attempts } = await readRun(again, id);
    const outcomes = running.includes(id) ? ['LOST', 'SUCCEEDED'] : ['SUCCEEDED'];
    expect([id, attempts.map(({ outcome }) => outcome)]).toEqual([id, outcomes]);
    const own = [...starts].filter(([start]) => start.startsWith(id));
    expect(own).toEqual(attempts.map(({ number }) => [`${id} ${number}`, 1]));
  }
  const shells = fs.readFileSync(`${written}.pids`, 'utf8').trim().split('\n').map(Number);
  await until(() => !shells.some(isAlive), BOUND_MS);
}, 180_000);
