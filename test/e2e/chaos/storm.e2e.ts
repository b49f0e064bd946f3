import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { print } from '../failover/figures.js';
import { type Plan, planFor, textOf } from './plan.js';
import { under, weather } from './storm.js';
import { TARGETS, Town } from './town.js';
import { raise } from './zombie.js';

/** In CI the short form; `npm run chaos` gives others. */
const given = (name: string, otherwise: number): number =>
  Number(process.env[`ORRERY_E2E_CHAOS_${name}`] ?? otherwise);
const SECONDS = given('SECONDS', 30);
const RATE = given('RATE', 60);
const FAULTS = given('FAULTS', 16);
const SEED = given('SEED', 1);
const PLAN_FILE = process.env['ORRERY_E2E_CHAOS_PLAN'];

const plan: Plan =
  PLAN_FILE === undefined
    ? planFor({ seed: SEED, seconds: SECONDS, rate: RATE }, FAULTS, TARGETS)
    : (JSON.parse(fs.readFileSync(PLAN_FILE, 'utf8')) as Plan);
const ZOMBIE_RATE = 60;
const AFTER_MS = 300_000;

const town = new Town();

beforeAll(async () => {
  const began = performance.now();
  await town.begin();
  print('the town', { 'up after ms': Math.round(performance.now() - began) });
}, 180_000);
afterAll(async () => {
  await town.end();
}, 30_000);

test(
  `${plan.faults.length} faults in ${plan.seconds} s under ${plan.rate} runs/s: nothing is wrong`,
  async () => {
    process.stdout.write(`the plan: ${textOf(plan)}`);
    const { figures, violations, calmMs, text } = await weather(town, plan);
    print('the storm', { ...figures, 'all ended after ms': calmMs });
    expect(text).toBe('');
    expect(violations).toEqual([]);
  },
  plan.seconds * 1_000 + AFTER_MS,
);

test('a zombie: what it commits is refused, and what it sent starts nothing', async () => {
  const least = { acknowledged: 200, started: 200, kills: 0, inFlight: 0 };
  const { figures, text } = await under(
    town,
    { seed: SEED + 1, rate: ZOMBIE_RATE },
    least,
    async () => print('the zombie', { ...(await raise(town, 'scheduler-2')) }),
  );
  print('its runs', { ...figures });
  expect(text).toBe('');
}, 240_000);
