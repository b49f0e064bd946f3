import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placement } from './placement.js';

const PARTITIONS = 64;
const nobody: (string | null)[] = Array.from({ length: PARTITIONS }, () => null);
const named = (n: number, from = 0): string[] =>
  Array.from({ length: n }, (_, i) => `scheduler-${from + i}.0`).sort();

function place(threads: readonly string[], owners: readonly (string | null)[] = nobody): string[] {
  return [...(placement([...threads].sort(), owners) ?? [])];
}
const countsOf = (owners: readonly string[], threads: readonly string[]): number[] =>
  threads.map((thread) => owners.filter((owner) => owner === thread).length);
const moved = (before: readonly string[], after: readonly string[]): number =>
  before.filter((owner, partition) => owner !== after[partition]).length;

describe('who should own what', () => {
  test('nobody there: nobody should own', () => {
    expect(placement([], nobody)).toBeUndefined();
  });

  test('is the same whoever asks, and stays once it is so', () => {
    const threads = named(4);
    const owners = place(threads);
    expect(place(threads)).toEqual(owners);
    expect(place(threads, owners)).toEqual(owners);
  });

  test('depends on names: other threads place otherwise', () => {
    const at = (threads: string[]) => place(threads).map((owner) => threads.indexOf(owner));
    expect(at(named(4))).not.toEqual(at(named(4, 40)));
  });

  test.each([2, 3, 4, 5, 6, 7, 8, 9, 10])('%i threads: most over mean is at most 1.25', (n) => {
    for (let trial = 0; trial < 20; trial++) {
      const threads = named(n, trial * 10);
      const counts = countsOf(place(threads), threads);
      expect(Math.max(...counts) / (PARTITIONS / n)).toBeLessThanOrEqual(1.25);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(Math.floor(PARTITIONS / n));
    }
  });

  test.each([2, 3, 4, 5, 6, 7, 8, 9, 10])('losing or adding one of %i moves at most 1.3/N', (n) => {
    for (let trial = 0; trial < 20; trial++) {
      const threads = named(n, trial * 10);
      const owners = place(threads);
      for (const one of threads) {
        const rest = threads.filter((thread) => thread !== one);
        const without = place(rest, owners);
        expect(moved(owners, without)).toBeLessThanOrEqual((PARTITIONS / n) * 1.3);
        // It comes back, or another does.
        for (const back of [one, 'new.0']) {
          const after = place([...rest, back], without);
          expect(moved(without, after)).toBeLessThanOrEqual((PARTITIONS / n) * 1.3);
        }
      }
    }
  });

  test('whatever comes and goes: bounded, settled at once, and little moves', () => {
    const change = fc.record({ joins: fc.boolean(), pick: fc.nat(1_000) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        let threads = named(3);
        let owners = place(threads);
        for (const [i, { joins, pick }] of changes.entries()) {
          if (joins && threads.length < 10) threads = [...threads, `t${i}.${pick}`];
          else if (threads.length > 1)
            threads = threads.filter((_, at) => at !== pick % threads.length);
          const after = place(threads, owners);
          expect(place(threads, after)).toEqual(after);
          const mean = PARTITIONS / threads.length;
          expect(Math.max(...countsOf(after, threads))).toBeLessThanOrEqual(mean * 1.25);
          owners = after;
        }
      }),
      { numRuns: 200 },
    );
  });
});
