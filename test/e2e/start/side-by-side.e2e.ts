import { afterAll, beforeAll, expect, test } from 'vitest';
import { Orrery, isAlive } from '../support/orrery.js';
import { statesOfRuns, submit, succeeded } from '../support/runs.js';

const ENDS_MS = 20_000;
const left = new Orrery();
const right = new Orrery();

beforeAll(async () => {
  // At the same moment: what one takes, a port above all, the other must not.
  await Promise.all([left.start(), right.start()]);
}, 120_000);
afterAll(async () => {
  await Promise.all([left.remove(), right.remove()]);
}, 30_000);

test('two in homes of their own share nothing', () => {
  const [a, b] = [left.endpoint(), right.endpoint()];
  for (const key of ['graphql', 'ws', 'mqtt', 'databaseUrl', 'adminKeyFile'] as const) {
    expect(a[key]).not.toBe(b[key]);
  }
  const pids = [...a.processes, ...b.processes].map(({ pid }) => pid);
  expect(new Set(pids).size).toBe(12);
  for (const pid of pids) expect(isAlive(pid)).toBe(true);
});

test('each runs its own, and neither sees what the other does', async () => {
  const seen = await Promise.all(
    [left, right].map(async (orrery) => {
      const client = orrery.client();
      const id = await submit(client, { spec: { kind: 'shell', command: 'echo hi' } });
      await succeeded(client, id, ENDS_MS);
      return { id, known: await statesOfRuns(client) };
    }),
  );
  const [a, b] = seen.map(({ known }) => [...known.keys()]);
  for (const { id, known } of seen) expect(known.get(id)).toBe('SUCCEEDED');
  // Its own, and the four that the first start of a home begins.
  expect([a?.length, b?.length]).toEqual([5, 5]);
  expect(new Set([...(a ?? []), ...(b ?? [])]).size).toBe(10);
}, 60_000);

test('Ctrl-C of one leaves the other as it is', async () => {
  const before = right.endpoint().processes;
  const gone = left.endpoint().processes.map(({ pid }) => pid);
  const { code } = await left.stop();
  expect(code).toBe(0);
  for (const pid of gone) expect(isAlive(pid)).toBe(false);

  const client = right.client();
  await succeeded(client, await submit(client, { job: 'noop' }), ENDS_MS);
  expect(right.endpoint().processes).toEqual(before);
  expect(right.exitCode).toBe(null);
}, 60_000);
