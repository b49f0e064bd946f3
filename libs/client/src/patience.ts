import type { RequestError } from './result.js';

/** How long to try again before the failure is the caller's. */
export interface Patience {
  readonly attemptsMax: number;
  /** No try begins later than this after the first. */
  readonly withinMs: number;
  /** That nobody is there at the first try is the answer, at once. */
  readonly mustAnswer?: boolean;
  /** Told before each further try what went wrong. */
  readonly repeating?: (error: RequestError) => void;
}
/** Where a test puts its own clock and chance. */
export interface Weather {
  readonly now: () => number;
  readonly random: () => number;
  /** Resolves after the time, or as soon as the signal says so. */
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const PATIENCE: Patience = { attemptsMax: 8, withinMs: 60_000 };
const DELAY_MS = 100;
const DELAY_MS_MAX = 5_000;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `250ms`, `1m30s`; what reads otherwise says nothing. */
export function millisecondsOf(duration: string): number {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  return parts.reduce((sum, [, n, unit = '']) => sum + Number(n) * (UNITS[unit] ?? 0), 0);
}

/**
 * Before try n + 2: doubling with full jitter, so that many who lost the same server do not come
 * back as one; never sooner than the server asked for.
 */
export function delayOf(failures: number, error: RequestError, random: () => number): number {
  const most = Math.min(DELAY_MS_MAX, DELAY_MS * 2 ** Math.min(failures, 10));
  return millisecondsOf(error.retryAfter ?? '') + Math.round(random() * most);
}

export const weather: Weather = {
  now: () => performance.now(),
  random: Math.random,
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done);
    }),
};
