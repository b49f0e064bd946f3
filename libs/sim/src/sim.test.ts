import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Plan } from './plan.js';
import { planFor, runScenario } from './scenario.js';
import { shrink } from './shrink.js';

const SEEDS = path.join(import.meta.dirname, '..', '..', '..', 'test', 'seeds');
/** Of an hour at most, and one of hours: they take longer than all the others. */
const SHORT = Array.from({ length: 25 }, (_, i) => i + 1).filter(
  (seed) => planFor(seed).chaosMs <= 3_600_000,
);
const LONG = 34;
const kept = fs.readdirSync(SEEDS).filter((name) => name.endsWith('.json'));

describe('chaos, then calm, then checks', () => {
  test('a short form of `npm run sim`: these seeds are green, and none is idle', {
    timeout: 120_000,
  }, () => {
    let faults = 0;
    let runs = 0;
    let parked = 0;
    for (const seed of [...SHORT, LONG]) {
      const report = runScenario(seed);
      expect(report.violations, `seed ${seed}`).toEqual([]);
      faults += report.faults;
      runs += report.runs;
      parked += report.parked;
    }
    expect(faults).toBeGreaterThan(1_000);
    expect(runs).toBeGreaterThan(1_000);
    expect(parked).toBeGreaterThan(3);
  });

  test('the same seed does the same, another does something else', () => {
    const digests = [7, 7, 8].map((seed) => runScenario(seed).digest);
    expect(digests[1]).toBe(digests[0]);
    expect(digests[2]).not.toBe(digests[0]);
  });

  test.each(kept)('what once went wrong is right: %s', { timeout: 60_000 }, (name) => {
    const plan = JSON.parse(fs.readFileSync(path.join(SEEDS, name), 'utf8')) as Plan;
    expect(runScenario(plan.seed, { plan }).violations).toEqual([]);
  });
});

test('a plan shrinks to the faults that are to blame', () => {
  const plan = planFor(4);
  const [third, tenth] = [plan.faults[3], plan.faults[10]];
  const fails = ({ faults }: Plan): boolean =>
    faults.some((fault) => fault === third) && faults.some((fault) => fault === tenth);
  expect(shrink(plan, () => true, fails).faults).toEqual([third, tenth]);
});
