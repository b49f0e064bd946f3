import { describe, expect, it } from 'vitest';
import { Supervisor } from './supervision.js';
import type { SupervisionStrategy } from './supervision.js';
import { ManualClock } from './testkit/manual-clock.js';

const child = { node: 'n', thread: 0, path: 'c', incarnation: 1 };
const many = { restarts: 100, within: 1 };

function judged(random: () => number, jitter: number, gapsMs: readonly number[]) {
  const clock = new ManualClock();
  const backoff = { first: 100, max: 1_000, jitter, resetAfter: 5_000 };
  const strategy: SupervisionStrategy = {
    scope: 'one',
    decide: () => 'restart',
    intensity: many,
    backoff,
  };
  const supervisor = new Supervisor(strategy, clock, random);
  return gapsMs.map((gap) => {
    clock.advance(gap);
    return supervisor.judge(child, new Error('x'), undefined).delayMs;
  });
}

describe('back-off', () => {
  it('doubles to its maximum and begins anew after a quiet time', () => {
    const delays = judged(() => 0.5, 0, [0, 10, 10, 10, 10, 10, 5_000]);
    expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000, 100]);
  });

  it('takes only its part by chance, and never exceeds the maximum', () => {
    expect(judged(() => 0.5, 0.2, [0])).toEqual([90]);
    expect(judged(() => 0.999, 1, [0])[0]).toBeCloseTo(0.1);
    expect(judged(() => 0, 0.2, Array<number>(9).fill(10)).at(-1)).toBe(1_000);
  });
});
