import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RetryPolicy, Token } from '../run/run.js';
import { DEFAULT_RETRY, retryDelay } from './retry.js';

const token = (seq: number): Token => ({
  run: 'r',
  attempt: 1,
  executor: 'x',
  incarnation: 1,
  epoch: 1,
  seq,
});
const policy = (given: Partial<RetryPolicy>): RetryPolicy => ({
  ...DEFAULT_RETRY,
  jitter: 'NONE',
  ...given,
});

describe('the delay before attempt n + 1 (5.1, R71)', () => {
  test.each([
    ['FIXED', [1_000, 1_000, 1_000, 1_000]],
    ['LINEAR', [1_000, 2_000, 3_000, 4_000]],
    ['EXPONENTIAL', [1_000, 2_000, 4_000, 8_000]],
  ] as const)('%s without jitter', (backoff, delays) => {
    expect([1, 2, 3, 4].map((n) => retryDelay(policy({ backoff }), n, token(n)))).toEqual(delays);
  });

  test('no delay stays none, also where the power overflows', () => {
    const none = policy({ delayMs: 0, factor: 100 });
    for (const n of [1, 155, 999]) expect(retryDelay(none, n, token(1))).toBe(0);
  });

  test('the cap holds, also where the power overflows', () => {
    expect(retryDelay(policy({ maxDelayMs: 5_000 }), 10, token(1))).toBe(5_000);
    expect(retryDelay(policy({}), 5_000, token(1))).toBe(300_000);
  });

  test('full jitter lies in [0, delay] and comes from the token alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(), (n, seq) => {
        const jittered = policy({ jitter: 'FULL' });
        const delay = retryDelay(jittered, n, token(seq));
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(retryDelay(policy({}), n, token(seq)));
        expect(retryDelay(jittered, n, token(seq))).toBe(delay);
      }),
    );
  });

  test('full jitter spreads: the deciles of many tokens are all met', () => {
    const deciles = new Set<number>();
    for (let seq = 0; seq < 500; seq++) {
      deciles.add(Math.floor(retryDelay(policy({ jitter: 'FULL' }), 1, token(seq)) / 100));
    }
    expect(deciles.size).toBe(10);
  });

  test('equal jitter lies in [delay / 2, delay]', () => {
    for (let seq = 0; seq < 200; seq++) {
      const delay = retryDelay(policy({ jitter: 'EQUAL' }), 1, token(seq));
      expect(delay).toBeGreaterThanOrEqual(500);
      expect(delay).toBeLessThanOrEqual(1_000);
    }
  });
});
