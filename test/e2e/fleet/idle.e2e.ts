import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { BUSY_MACHINE } from '../support/bars.js';
import { Orrery } from '../support/orrery.js';
import { submit, succeeded } from '../support/runs.js';
import { type Usage, memoryMb, memoryMbTogether, usageOf } from '../support/usage.js';

const CORE_SHARE_MAX = 0.03;
const MEGABYTES_MAX = 600;
/** V8 collects once more in a process that has gone quiet; here it was up to 30 s later. */
const QUIET_AFTER_MS = 30_000;
const WINDOW_MS = 5_000;
/** The middle one counts: a collection of garbage falls into one or two of them. */
const WINDOWS = 5;
const ENDS_MS = 30_000;

const orrery = new Orrery();

beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

const usage = (): readonly Usage[] => {
  const pids = orrery.endpoint().processes.map(({ pid }) => pid);
  return usageOf([orrery.pid, ...pids]);
};
const total = (used: readonly Usage[]): number =>
  used.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);

/** Shares of a core over a time, by process; also of those that began in it. */
async function sharesOver(ms: number): Promise<{ readonly all: number; readonly lines: string[] }> {
  const before = usage();
  const began = performance.now();
  await until(() => performance.now() - began >= ms, ms * 2);
  const after = usage();
  const seconds = (performance.now() - began) / 1_000;
  const former = new Map(before.map(({ pid, cpuSeconds }) => [pid, cpuSeconds]));
  const lines = after.map(({ pid, name, cpuSeconds }) => {
    const share = (cpuSeconds - (former.get(pid) ?? 0)) / seconds;
    const what = path.relative(process.cwd(), name).slice(0, 60);
    return `${(share * 100).toFixed(2)} % ${memoryMb(pid).toFixed(1)} MB ${what}`;
  });
  return { all: (total(after) - total(before)) / seconds, lines };
}

test('the idle system uses under 3 % of a core, and under 600 MB together', async () => {
  const client = orrery.client();
  for (const job of ['hello-shell', 'noop', 'flaky']) {
    await succeeded(client, await submit(client, { job }), ENDS_MS);
  }
  await client.close();
  const ended = performance.now();
  await until(() => performance.now() - ended >= QUIET_AFTER_MS, QUIET_AFTER_MS * 2);

  const windows = [];
  for (let n = 0; n < WINDOWS; n++) windows.push(await sharesOver(WINDOW_MS));
  windows.sort((one, other) => one.all - other.all);
  const { all = 1, lines = [] } = windows[Math.floor(WINDOWS / 2)] ?? {};
  const members = usage();
  const megabytes = memoryMbTogether(members.map(({ pid }) => pid));
  const story = lines.join('\n');
  // Six of ours, the supervisor, and the server's own: nothing was left out of the sum.
  expect(members.length, story).toBeGreaterThan(7);
  expect(all, story).toBeGreaterThan(0);
  expect(megabytes, story).toBeGreaterThan(100);
  expect(megabytes, story).toBeLessThan(MEGABYTES_MAX);
  expect(all, story).toBeLessThan(CORE_SHARE_MAX * BUSY_MACHINE);
}, 180_000);
