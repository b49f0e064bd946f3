import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.js';

describe('parseDuration', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0s', 0],
    ['5m1ms', 300_001],
  ])('reads %s', (text, expectedMs) => {
    expect(parseDuration(text)).toBe(expectedMs);
  });

  it.each(['', '30', 's', '-1s', '1.5h', '1m1h', '1s 2ms', ' 1s', '1S', '99999999999999d'])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [90_000, '1m30s'],
    [86_400_000, '1d'],
    [3_600_001, '1h1ms'],
  ])('writes %d', (durationMs, expected) => {
    expect(formatDuration(durationMs)).toBe(expected);
  });

  it('is read back to the same number', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
      }),
    );
  });

  it('is a fixed point: formatting what was parsed from a canonical text changes nothing', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 12 }), (durationMs) => {
        const canonical = formatDuration(durationMs);
        expect(formatDuration(parseDuration(canonical) ?? -1)).toBe(canonical);
      }),
    );
  });

  it.each([-1, 0.5, Number.NaN, Infinity])('throws for %d, which is a bug', (durationMs) => {
    expect(() => formatDuration(durationMs)).toThrow(RangeError);
  });
});
