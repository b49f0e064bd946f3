import { unitHash } from '../kernel/hash.js';
import type { Millis } from '../kernel/machine.js';
import type { RetryPolicy, Token } from '../run/run.js';

/** Semantics §5.2. */
export const DEFAULT_RETRY: RetryPolicy = {
  maxAttempts: 3,
  delayMs: 1_000,
  backoff: 'EXPONENTIAL',
  factor: 2,
  maxDelayMs: 300_000,
  jitter: 'FULL',
};

/** Semantics §5.1: the delay before attempt n + 1, where `spent` = n attempts have counted. */
export function retryDelay(policy: RetryPolicy, spent: number, token: Token): Millis {
  // 0 times a power that overflows is no number.
  if (policy.delayMs === 0) return 0;
  const n = Math.max(1, spent);
  let delay: number;
  switch (policy.backoff) {
    case 'FIXED':
      delay = policy.delayMs;
      break;
    case 'LINEAR':
      delay = policy.delayMs * n;
      break;
    case 'EXPONENTIAL':
      delay = policy.delayMs * policy.factor ** (n - 1);
      break;
    default: {
      const never: never = policy.backoff;
      return never;
    }
  }
  delay = Math.min(policy.maxDelayMs, delay);
  const chance = unitHash(`${token.run}/${token.attempt}/${token.epoch}/${token.seq}`);
  switch (policy.jitter) {
    case 'FULL':
      return Math.floor(delay * chance);
    case 'EQUAL':
      return Math.floor(delay / 2 + (delay / 2) * chance);
    case 'NONE':
      return Math.floor(delay);
    default: {
      const never: never = policy.jitter;
      return never;
    }
  }
}
