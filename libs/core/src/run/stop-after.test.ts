import { expect, test } from 'vitest';
import { STOP_AFTER_MS_MIN, stopAfterMsMax } from './stop-after.js';

test.each([
  // The defaults: 15 s + 10 s - 10 s - 2 s.
  [15_000, 10_000, 10_000, 13_000],
  [15_000, 2_000, 10_000, 5_000],
  [15_000, 0, 10_000, 3_000],
  [3_000, 60_000, 1_000, 60_000],
  [15_000, null, 10_000, Number.POSITIVE_INFINITY],
])('3.6: silent after %s, lost after %s, grace %s: at most %s', (silent, lost, grace, most) => {
  const times = { silentAfterMs: silent, lostAfterMs: lost, graceMs: grace };
  expect(stopAfterMsMax(times)).toBe(most);
});

test('3.6: under 5 s is refused', () => {
  expect(STOP_AFTER_MS_MIN).toBe(5_000);
});
