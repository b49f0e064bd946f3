import net from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '#actor';
import { eventually, submit } from '../support/runs.js';
import type { Sent, Steady } from '../support/steady.js';
import type { ToldRun } from '../support/story.js';
import { passes } from '../support/passes.js';
import { usageOf } from '../support/usage.js';
import { expectExact, latencies, print } from './figures.js';
import { Scene } from './scene.js';

/** What is promised after the return, and how much more a busy machine may take. */
const BACK_WITHIN_MS = 3_000;
const SLACK = 3;
const PARTITIONS = 64;
/** The 30 s are a matter of patience: ORRERY_E2E_AWAY_MS. */
const AWAY_MS = Number(process.env['ORRERY_E2E_AWAY_MS'] ?? 10_000);
/** Less than a touch waits for its answer, and more. */
const STILL_MS = [4_000, 6_000];
const START_MS = 20_000;
const SETTLED_MS = 13_000;
const END_MS = 40_000;
/** How many there are of those whose end falls into the absence, or behind it. */
const LONG_RUNS = 100;

const scene = new Scene();
let load: Steady;

beforeAll(async () => {
  await scene.begin();
  const owned = async (): Promise<number> =>
    (await scene.story.owners()).filter(({ owner }) => owner !== null).length;
  await eventually(owned, (count) => count === PARTITIONS, START_MS);
}, 120_000);
afterAll(async () => {
  await scene.end();
}, 30_000);
beforeEach(async () => {
  load = scene.load();
  load.start();
  await until(() => load.acknowledged.length > 300, START_MS);
});
afterEach(async () => {
  await load.stop();
});

const serves = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
  });

/** Everything has ended well, and once; every partition has granted within the bound of `back`. */
async function wellSince(what: string, away: number, back: number): Promise<readonly ToldRun[]> {
  await until(() => Date.now() - back >= BACK_WITHIN_MS, BACK_WITHIN_MS * 2);
  await load.stop();
  const runs = await scene.ended(load.acknowledged, END_MS);
  expectExact(scene, runs);
  const first = new Map<number, number>();
  for (const { partition, grantedAt = 0 } of runs) {
    const known = first.get(partition) ?? Number.POSITIVE_INFINITY;
    if (grantedAt >= back) first.set(partition, Math.min(known, Math.round(grantedAt - back)));
  }
  const slowest = Math.max(...first.values());
  const span = { from: away, to: Date.now() };
  const figures = { 'away ms': back - away, 'all grant again after ms': slowest };
  print(what, { ...figures, 'promised ms': BACK_WITHIN_MS, ...latencies(load, runs, span) });
  expect(first.size).toBe(PARTITIONS);
  expect(slowest).toBeLessThan(BACK_WITHIN_MS * SLACK);
  return runs;
}

const between = (from: number, to: number): readonly Sent[] =>
  load.sent.filter(({ at }) => at >= from && at < to);

/** Begun before the server goes: half of them end while it is away, half of them later. */
class LongRuns {
  private readonly halves: (readonly string[])[] = [];

  async begin(): Promise<void> {
    const client = scene.orrery.client();
    // Those that are to end while it is away begin last: it goes soon after.
    for (const share of [1.3, 0.6]) {
      const run = scene.input(Math.round(AWAY_MS * share));
      const asked = Array.from({ length: LONG_RUNS }, () => submit(client, run));
      this.halves.push(await Promise.all(asked));
    }
    await client.close();
    await eventually(
      async () => this.all.filter((id) => scene.starts().get(`${id} 1`) === 1).length,
      (count) => count === this.all.length,
      START_MS,
    );
  }

  /** None was tried again, and what ended meanwhile was told soon after the return. */
  async expectWhole(what: string, away: number, back: number): Promise<void> {
    const ran = await scene.ended(this.all, END_MS + AWAY_MS);
    expectExact(scene, ran);
    for (const { events } of ran)
      expect(events.filter((e) => e.startsWith('GRANTED'))).toEqual(['GRANTED 1']);
    const short = new Set(this.halves[1]);
    const told = ran.filter(({ id }) => short.has(id)).map(({ finishedAt = 0 }) => finishedAt);
    const meanwhile = told.filter((at) => at > away);
    const last = Math.round(Math.max(...meanwhile) - back);
    print(what, { 'long runs': ran.length, 'ended meanwhile': meanwhile.length, 'told ms': last });
    // Not vacuous: most of them did end while it was away, and nobody could say so.
    expect(meanwhile.filter((at) => at >= back).length).toBeGreaterThan(LONG_RUNS / 2);
    expect(last).toBeLessThan(BACK_WITHIN_MS * SLACK);
  }

  private get all(): readonly string[] {
    return this.halves.flat();
  }
}

test(
  'a broker that is killed and stays away: submissions go on, then everything',
  async () => {
    const { mqtt } = scene.orrery.endpoint();
    const long = new LongRuns();
    await long.begin();
    const former = scene.pidOf('broker');
    const away = Date.now();
    process.kill(former, 'SIGKILL');
    await until(() => ![0, former].includes(scene.pidOf('broker')), START_MS);
    // The next one stands still before it listens.
    const next = scene.pidOf('broker');
    process.kill(next, 'SIGSTOP');
    try {
      expect(await serves(mqtt)).toBe(false);
      await passes(AWAY_MS);
    } finally {
      process.kill(next, 'SIGCONT');
    }
    await eventually(
      () => serves(mqtt),
      (is) => is,
      START_MS,
    );
    const back = Date.now();
    expect(between(away, back).filter(({ id }) => id === undefined)).toEqual([]);
    await wellSince('the broker was killed', away, back);
    await long.expectWhole('beside it', away, back);
  },
  120_000 + AWAY_MS * 2,
);

test(
  'a database that is killed: submissions are refused, what runs goes on',
  async () => {
    const long = new LongRuns();
    await long.begin();
    const server = (): number => scene.orrery.pidsOf('postgres-server')[0] ?? 0;
    const former = server();
    // Nobody restarts it while who watches it stands still.
    const [watcher = 0] = scene.orrery.pidsOf('postgres');
    process.kill(watcher, 'SIGSTOP');
    const away = Date.now();
    process.kill(former, 'SIGKILL');
    try {
      await passes(AWAY_MS);
      expect(between(away, Date.now()).some(({ code }) => code !== undefined)).toBe(true);
    } finally {
      process.kill(watcher, 'SIGCONT');
    }
    await until(() => ![0, former].includes(server()), START_MS);
    const back = Date.now();
    await wellSince('the database was killed', away, back);
    const refused = load.sent.filter(({ id }) => id === undefined);
    print('refused', { submissions: refused.length, first: refused[0] });
    for (const { code, retryAfter } of refused) {
      expect([code, retryAfter]).toEqual(['UNAVAILABLE', expect.stringMatching(/^\d+(ms|s)$/)]);
    }
    await long.expectWhole('beside it', away, back);
  },
  120_000 + AWAY_MS * 2,
);

const still = 'a database that stands still for %i ms: nobody hangs, nobody takes from another';
test.each(STILL_MS)(
  still,
  async (stillMs) => {
    const pids = scene.orrery.pidsOf('postgres-server');
    // What is to move after a start moves ten seconds after its claim, and takes two at most.
    const quiet = async (): Promise<number> =>
      Date.now() - Math.max(...(await scene.story.owners()).map(({ at }) => at));
    await eventually(quiet, (ms) => ms > SETTLED_MS, START_MS * 2);
    const before = await scene.story.owners();
    const stopped = usageOf(pids).map(({ pid }) => pid);
    const away = Date.now();
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
    try {
      await passes(stillMs);
    } finally {
      for (const pid of stopped) process.kill(pid, 'SIGCONT');
    }
    const back = Date.now();
    await wellSince('the database stood still', away, back);
    const slow = Math.max(...between(away, back).map(({ ms }) => ms));
    print('while it stood still', { 'longest answer ms': slow });
    const after = await scene.story.owners();
    const taken = after.filter(({ owner, partition }) => owner !== before[partition]?.owner);
    expect(taken).toEqual([]);
  },
  120_000,
);
