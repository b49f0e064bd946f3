import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { print } from '../failover/figures.js';
import { passes } from '../support/passes.js';
import { whyOneClock } from './clock.js';
import { whyNeverFull } from './disk.js';
import { deafen } from './deaf.js';
import type { Histories, JobLine } from './histories.js';
import { type Plan, SHORT, planFor, textOf } from './plan.js';
import { under, weather } from './storm.js';
import { TARGETS, Town } from './town.js';
import { raise } from './zombie.js';

/** `npm run chaos` gives others. */
const given = (name: string, otherwise: number): number =>
  Number(process.env[`ORRERY_E2E_CHAOS_${name}`] ?? otherwise);
const SECONDS = given('SECONDS', SHORT.seconds);
const RATE = given('RATE', SHORT.rate);
const FAULTS = given('FAULTS', SHORT.faults);
const SEED = given('SEED', SHORT.seed);
const PLAN_FILE = process.env['ORRERY_E2E_CHAOS_PLAN'];

const plan: Plan =
  PLAN_FILE === undefined
    ? planFor({ seed: SEED, seconds: SECONDS, rate: RATE }, FAULTS, TARGETS)
    : (JSON.parse(fs.readFileSync(PLAN_FILE, 'utf8')) as Plan);
const CALM_RATE = 60;
const LEAST = { acknowledged: 100, started: 100, kills: 0, inFlight: 0 };
/** How long a disk is full, and how soon what was written before that is done. */
const FULL_MS = 3_000;
const SETTLED_MS = 100;
const AFTER_MS = 700_000;

/** A thread that counts by the wall clock is 5 s late, until the database tells it the time. */
const LATE_MS = 2_000;

const town = new Town();

beforeAll(async () => {
  const began = performance.now();
  await town.begin();
  print('the town', { 'up after ms': Math.round(performance.now() - began) });
}, 180_000);
afterAll(async () => {
  await town.end();
}, 30_000);

/** How long after it was due each of those has started; else only those that were due later. */
function latenessOf({ clients, jobs }: Histories, which: 'all' | 'later'): readonly number[] {
  const dues = new Map<string, number>();
  for (const line of clients) {
    if (line.what !== 'asked' || (which === 'later' && line.afterMs === undefined)) continue;
    dues.set(line.key, line.afterMs ?? 0);
  }
  return clients.flatMap((line) => {
    const after = line.what === 'acknowledged' ? dues.get(line.key) : undefined;
    if (after === undefined || line.what !== 'acknowledged') return [];
    const started = jobs.find(({ what, run }) => what === 'start' && run === line.id);
    return started === undefined ? [] : [started.at - line.at - after];
  });
}

test('a zombie: what it commits is refused, and what it sent starts nothing', async () => {
  const load = { seed: SEED + 1, rate: CALM_RATE };
  const { figures, text } = await under(town, load, LEAST, async () =>
    print('the zombie', { ...(await raise(town, 'scheduler-2')) }),
  );
  print('its runs', { ...figures });
  expect(text).toBe('');
}, 240_000);

test('a scheduler without the broker: others work at what it has, until it is back', async () => {
  const load = { seed: SEED + 4, rate: CALM_RATE };
  const { histories, figures, text } = await under(town, load, LEAST, async () =>
    print('without the broker', { ...(await deafen(town, 'scheduler-2')) }),
  );
  print('its runs', { ...figures, 'longest wait ms': Math.max(...latenessOf(histories, 'all')) });
  expect(text).toBe('');
}, 240_000);

const never = whyNeverFull();
const name =
  'a full disk: nothing starts at its executor meanwhile, and everything once afterwards';

test.skipIf(never !== undefined)(
  never === undefined ? name : `${name} (${never})`,
  async () => {
    const load = { seed: SEED + 2, rate: CALM_RATE };
    const pid = town.pidOf('hand-1');
    let full = 0;
    let free = 0;
    const { histories, figures, text } = await under(town, load, LEAST, async () => {
      await passes(FULL_MS);
      full = Date.now();
      town.strike({ atMs: 0, what: 'full', target: 'hand-1', ms: 10 * FULL_MS });
      await passes(FULL_MS);
      free = Date.now();
      town.calm();
      await passes(FULL_MS);
    });
    const starts = (from: number, to: number): number => {
      const isThere = ({ what, pid: of, at }: JobLine): boolean =>
        what === 'start' && of === pid && at >= from && at < to;
      return histories.jobs.filter(isThere).length;
    };
    const before = starts(0, full);
    const meanwhile = starts(full + SETTLED_MS, free);
    const after = starts(free, Number.POSITIVE_INFINITY);
    print('starts at hand-1', { before, meanwhile, after, ...figures });
    expect([before > 0, meanwhile, after > 0]).toEqual([true, 0, true]);
    expect(text).toBe('');
  },
  240_000,
);

const clockName = 'clocks that step: what is due later starts on time, once, and never early';

test.skipIf(whyOneClock !== undefined)(
  whyOneClock === undefined ? clockName : `${clockName} (${whyOneClock})`,
  async () => {
    const load = { seed: SEED + 3, rate: CALM_RATE };
    const [first = '', second = ''] = TARGETS.clocks;
    const set = (target: string, seconds: number): void =>
      town.strike({ atMs: 0, what: 'clock', target, seconds });
    // Else nothing was stepped: a library that cannot be loaded is passed over in silence.
    for (const each of [first, second]) {
      const maps = fs.readFileSync(`/proc/${town.pidOf(each)}/maps`, 'utf8');
      expect(maps).toContain('libfaketime');
    }
    const { histories, figures, text } = await under(town, load, LEAST, async () => {
      await passes(1_000);
      set(first, 3_600);
      set(second, -1_800);
      await passes(1_500);
      set(first, -7_200);
      set(second, 300);
      await passes(1_500);
    });
    const late = latenessOf(histories, 'later');
    print('clocks that step', { ...figures, 'due later': late.length, late: Math.max(...late) });
    expect(text).toBe('');
    expect(late.length).toBeGreaterThan(5);
    expect(Math.max(...late)).toBeLessThan(LATE_MS);
  },
  240_000,
);

// The last one: what it leaves behind is nobody's beginning.
test(
  `${plan.faults.length} faults in ${plan.seconds} s under ${plan.rate} runs/s: nothing is wrong`,
  async () => {
    process.stdout.write(`the plan: ${textOf(plan)}`);
    const { figures, violations, calmMs, text } = await weather(town, plan);
    const { touched } = town;
    print('the storm', { ...figures, 'words struck': touched, 'all ended after ms': calmMs });
    expect(text).toBe('');
    expect(violations).toEqual([]);
    // Whoever's link it was may have been dead or cut off all the while, but not of all of them.
    if (plan.faults.some(({ what }) => what === 'frames')) expect(touched).toBeGreaterThan(0);
  },
  plan.seconds * 1_000 + AFTER_MS,
);
