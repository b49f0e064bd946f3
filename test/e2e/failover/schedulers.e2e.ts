import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { isAlive } from '../support/orrery.js';
import { eventually } from '../support/runs.js';
import type { Steady } from '../support/steady.js';
import { type Span, expectExact, latencies, pausesOf, print } from './figures.js';
import type { ToldRun } from '../support/story.js';
import { Scene } from './scene.js';

/** What is promised, and how much more a machine may take that does other things as well. */
const WITHIN_MS = { killed: 2_000, stopped: 5_000, restarted: 500 };
const SLACK = 3;
const PARTITIONS = 64;
const SCHEDULERS = ['scheduler-1', 'scheduler-2', 'scheduler-3'];
/** Partitions that were just claimed stay where they are for ten seconds. */
const EVEN_MS = 30_000;
const BACK_MS = 20_000;
const END_MS = 30_000;

const scene = new Scene();
let load: Steady;
/** Since when this test measures. */
let from: number;

beforeAll(async () => {
  await scene.begin();
  scene.story.watch();
  load = scene.load();
  load.start();
  await even();
}, 120_000);
afterAll(async () => {
  await load?.stop();
  await scene.end();
}, 30_000);

/** Each scheduler has about a third. */
async function even(): Promise<void> {
  const owned = async (): Promise<readonly number[]> =>
    await Promise.all(SCHEDULERS.map(async (each) => (await scene.ownedBy(each)).size));
  await eventually(owned, (sizes) => Math.min(...sizes) >= PARTITIONS / 4, EVEN_MS);
  from = Date.now();
}

/** It is there again, and says so in the database. */
async function back(scheduler: string, former: number): Promise<void> {
  await until(() => ![0, former].includes(scene.pidOf(scheduler)), BACK_MS);
  const since = Date.now();
  const seen = (): Promise<number> => scene.story.seen(scheduler);
  await eventually(seen, (at) => at > since, BACK_MS);
}

/** Everything submitted so far has ended; the figures of these partitions from here to now. */
async function measured(what: string, of: ReadonlySet<number>, boundMs: number): Promise<void> {
  const span: Span = { from, to: Date.now() };
  const runs = await scene.ended(load.acknowledged, END_MS);
  expectExact(scene, runs);
  const pauses = pausesOf(runs, span);
  const its = [...pauses].filter(([partition]) => of.has(partition)).map(([, ms]) => ms);
  const others = [...pauses].filter(([partition]) => !of.has(partition)).map(([, ms]) => ms);
  print(what, {
    'longest pause ms': Math.max(...its),
    'of the others ms': Math.max(...others),
    'promised ms': boundMs,
    ...latencies(load, runs, span),
  });
  print('the longest', worst(runs, span));
  // Not vacuous: each of them had work.
  expect(its).toHaveLength(of.size);
  expect(Math.max(...its, ...others)).toBeLessThan(boundMs * SLACK);
}

/** What waited longest, and who claimed its partition meanwhile: in ms since its submission. */
function worst(runs: readonly ToldRun[], { from: since, to }: Span): Record<string, unknown> {
  const during = runs.filter(({ submittedAt }) => submittedAt >= since && submittedAt <= to);
  const waited = ({ grantedAt = Number.POSITIVE_INFINITY, submittedAt }: ToldRun): number =>
    grantedAt - submittedAt;
  const run = during.reduce((one, other) => (waited(other) > waited(one) ? other : one));
  const sinceIt = (at = 0): number => Math.round(at - run.submittedAt);
  const claims = scene.story.claims
    .filter(({ partition }) => partition === run.partition)
    .map(({ owner, epoch, at }) => `${owner} ${epoch} at ${sinceIt(at)}`);
  const { id, partition, events } = run;
  const [taken, granted] = [sinceIt(run.takenAt), sinceIt(run.grantedAt)];
  return { id, partition, taken, granted, events, claims };
}

/** All of them have another epoch. */
async function moved(of: ReadonlySet<number>, at: number): Promise<number> {
  const since = (): number[] => {
    const claims = scene.story.claims.filter((c) => of.has(c.partition) && c.at > at);
    const first = new Map<number, number>();
    for (const { partition, owner, at: claimed } of claims) {
      if (owner !== null) first.set(partition, Math.min(first.get(partition) ?? claimed, claimed));
    }
    return [...first.values()];
  };
  await until(() => since().length === of.size, BACK_MS);
  return Math.round(Math.max(...since()) - at);
}

test('a rolling restart: no partition stands still', async () => {
  const all = new Set(Array.from({ length: PARTITIONS }, (_, id) => id));
  for (const scheduler of SCHEDULERS) {
    const pid = scene.pidOf(scheduler);
    const owned = await scene.ownedBy(scheduler);
    const at = Date.now();
    process.kill(pid, 'SIGTERM');
    print(`${scheduler} ends`, {
      owned: owned.size,
      'last owned anew after ms': await moved(owned, at),
    });
    await back(scheduler, pid);
  }
  await measured('a rolling restart', all, WITHIN_MS.restarted);
}, 120_000);

test('a scheduler that is killed: its partitions have other owners, and go on', async () => {
  await even();
  const owned = await scene.ownedBy('scheduler-2');
  const pid = scene.pidOf('scheduler-2');
  const at = Date.now();
  process.kill(pid, 'SIGKILL');
  print('killed', { owned: owned.size, 'last owned anew after ms': await moved(owned, at) });
  await back('scheduler-2', pid);
  await measured('killed', owned, WITHIN_MS.killed);
}, 60_000);

test('one that stands still is replaced, and does nothing twice when it goes on', async () => {
  await even();
  const owned = await scene.ownedBy('scheduler-3');
  const pid = scene.pidOf('scheduler-3');
  const at = Date.now();
  process.kill(pid, 'SIGSTOP');
  try {
    print('stopped', { owned: owned.size, 'last owned anew after ms': await moved(owned, at) });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  const since = Date.now();
  await eventually(
    () => scene.story.seen('scheduler-3'),
    (seen) => seen > since,
    BACK_MS,
  );
  await measured('stopped', owned, WITHIN_MS.stopped);
  const fenced = scene.orrery.log('scheduler-3').filter((line) => line['outcome'] === 'fenced');
  print('its commits that were refused', { fenced: fenced.length });
  // It is the same process, and has its share again.
  expect([scene.pidOf('scheduler-3'), isAlive(pid)]).toEqual([pid, true]);
  await even();
}, 90_000);
