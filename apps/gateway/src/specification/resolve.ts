import type { Policy } from '#core';
import { canonicalJson, hashOf } from '#definitions';
import { GRACE_MS } from './disconnect.js';
import type { Specification } from './specification.js';

/** Ninety days (the tables have room for sixteen weeks ahead). */
const RETENTION_MS = 90 * 86_400_000;

/** What is stored of a specification once, for all the runs that have it. */
export interface StoredSpecification {
  readonly hash: string;
  /** JSON text. */
  readonly body: string;
  readonly policy: Policy;
}

export function storedOf(
  specification: Specification,
  names: { readonly job: string | null; readonly project: string },
): StoredSpecification {
  const { retry, timeoutMs, lostAfterMs, deadlineMs, heartbeatMs } = specification;
  const { dedup, cache, outputBytesMax, stopAfterMs } = specification;
  const policy: Policy = {
    retry,
    timeoutMs,
    graceMs: GRACE_MS,
    lostAfterMs,
    retentionMs: RETENTION_MS,
    jobName: names.job ?? '',
    projectName: names.project,
    ...(specification.atMostOnce ? { atMostOnce: true } : {}),
    ...(specification.lossCounts ? {} : { freeLoss: true }),
    ...(stopAfterMs === null ? {} : { stopAfterMs }),
    ...(heartbeatMs === null ? {} : { heartbeatMs }),
    ...(deadlineMs === null ? {} : { deadlineMs }),
    ...(dedup?.whileIn === 'QUEUED' ? { dedupWhileQueued: true } : {}),
    ...(cache === null ? {} : { cacheMs: cache.ttlMs }),
    ...(outputBytesMax === null ? {} : { outputBytesMax }),
  };
  return stored(canonicalJson(specification.body), policy);
}

/** `body`: canonical, as it was stored before or is going to be. */
export function stored(body: string, policy: Policy): StoredSpecification {
  return { hash: hashOf(`{"body":${body},"policy":${canonicalJson(policy)}}`), body, policy };
}
