import type { Limits, Millis } from '#core';
import type { Random } from './kernel/random.js';

export const FAULTS = [
  'kill-scheduler',
  'stop-scheduler',
  'leave-scheduler',
  'kill-executor',
  'stop-executor',
  'lose-disk',
  'roll-executors',
  'cut-scheduler-broker',
  'cut-executor-broker',
  'cut-scheduler-database',
  'crash-broker',
  'crash-database',
  'stick-database',
  'slow-database',
  'lose-connections',
  'bad-wire',
  'step-clock',
] as const;
export type FaultKind = (typeof FAULTS)[number];

const LIMITS_TRIED: readonly Partial<Limits>[] = [
  {},
  { window: 8, windowLow: 4, expiries: 8, closed: 16, applied: 16 },
  { window: 3, windowLow: 2, expiries: 3, closed: 2, applied: 2, transitions: 2, fetching: 2 },
];

/** What a run takes of a slot on average, with its retries. */
const RUN_MS: Millis = 15_000;

/** One thing that goes wrong, as data: so that a plan can be shrunk by leaving some out. */
export interface Fault {
  readonly at: Millis;
  readonly kind: FaultKind;
  readonly lasts: Millis;
  /** Which of those that it may hit. */
  readonly pick: number;
  readonly how: number;
}

/** The shape of a scenario and everything that goes wrong in it, drawn from the seed. */
export interface Plan {
  readonly seed: number;
  readonly partitions: number;
  readonly schedulers: number;
  readonly executors: number;
  readonly slots: number;
  readonly slice: number;
  /** Small ones find what large ones hide. */
  readonly limits: Partial<Limits>;
  /** Whether its broker gives retained words. */
  readonly retains: boolean;
  readonly chaosMs: Millis;
  /** Between two submissions, on average. */
  readonly everyMs: Millis;
  readonly faults: readonly Fault[];
}

/** What comes seldom, and what takes hours to come about, needs long ones with little to do. */
const DENSE = {
  chaosMs: [120_000, 600_000, 1_800_000, 3_600_000],
  faultMs: [5_000, 20_000, 60_000],
  everyMs: [300, 2_000, 10_000, 30_000],
};
const SPARSE = {
  chaosMs: [4 * 3_600_000, 8 * 3_600_000],
  faultMs: [30_000, 120_000],
  everyMs: [20_000, 60_000],
};
const PACES = [DENSE, DENSE, DENSE, DENSE, SPARSE];

export function planOf(seed: number, random: Random): Plan {
  const pace = random.pick(PACES);
  const chaosMs = random.pick(pace.chaosMs);
  const faults = faultsOf(random, chaosMs, random.pick(pace.faultMs));
  const executors = random.int(1, 4);
  const slots = random.int(1, 4);
  return {
    seed,
    partitions: random.int(1, 8),
    schedulers: random.int(1, 3),
    executors,
    slots,
    slice: random.pick([1, 3, 512]),
    limits: random.pick(LIMITS_TRIED),
    retains: random.chance(0.7),
    chaosMs,
    // Never more than can be run when all goes well.
    everyMs: Math.max(random.pick(pace.everyMs), RUN_MS / (executors * slots)),
    faults,
  };
}

/** At least one. */
function faultsOf(random: Random, chaosMs: Millis, mean: Millis): Fault[] {
  const chosen = FAULTS.filter(() => random.chance(0.6));
  const kinds = chosen.length > 0 ? chosen : FAULTS;
  const faults: Fault[] = [];
  let at = Math.min(random.exponential(mean), chaosMs / 2);
  for (; at < chaosMs; at += random.exponential(mean)) {
    faults.push({
      at,
      kind: random.pick(kinds),
      lasts: Math.min(
        chaosMs - at,
        random.pick([200, 2_000, 8_000, 30_000, 90_000]) * random.unit(),
      ),
      pick: random.int(0, 1_000),
      how: random.unit(),
    });
  }
  return faults;
}
