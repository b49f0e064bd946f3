import { formatDuration } from '#config';
import type { RetryRule } from '#core';
import { formatSize } from './limits.js';
import type { Specification } from './specification.js';

/** A specification by the names of its fields, as they are written; null: there is none. */
export function valuesOf(of: Specification): readonly (readonly [name: string, value: unknown])[] {
  const { cache, dedup, retry } = of;
  return [
    ['priority', of.priority],
    ['pool', of.pool],
    ['timeout', duration(of.timeoutMs)],
    ['startDeadline', duration(of.startDeadlineMs)],
    ['deadline', duration(of.deadlineMs)],
    ['heartbeat', duration(of.heartbeatMs)],
    ['guarantee', of.atMostOnce ? 'AT_MOST_ONCE' : 'AT_LEAST_ONCE'],
    ['lossCountsAsAttempt', of.lossCounts],
    ['limits.output', of.outputBytesMax === null ? '64MB' : formatSize(of.outputBytesMax)],
    ['disconnect.lostAfter', duration(of.lostAfterMs) ?? 'NEVER'],
    ['disconnect.stopAfter', duration(of.stopAfterMs)],
    ['retry.maxAttempts', retry.maxAttempts],
    ['retry.delay', duration(retry.delayMs)],
    ['retry.backoff', retry.backoff],
    ['retry.factor', retry.factor],
    ['retry.maxDelay', duration(retry.maxDelayMs)],
    ['retry.jitter', retry.jitter],
    ['retry.rules', retry.rules?.map(ruleOf) ?? null],
    ['retry.budgets', retry.budgets ?? null],
    ['dedup', dedup && written(dedup.key, { whileIn: dedup.whileIn })],
    ['cache', cache && written(cache.key, { ttl: formatDuration(cache.ttlMs) })],
    ...Object.entries(of.labels).map(([name, text]) => [`labels.${name}`, text] as const),
  ];
}

const duration = (ms: number | null): string | null => (ms === null ? null : formatDuration(ms));

const ruleOf = ({ when, then }: RetryRule): unknown => ({
  when,
  then: typeof then === 'object' ? { delay: formatDuration(then.delayMs) } : then,
});

const written = (key: string | null, more: object): object =>
  key === null ? more : { key, ...more };
