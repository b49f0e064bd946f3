import { DEFAULT_RETRY } from '../../retry/retry.js';
import type { Cell, Outcome, Policy, RunFacts, Token } from '../../run/run.js';
import type { ResultReport } from '../messages.js';
import { laneOf } from '../lane.js';

export function newCell(
  id: string,
  now: number,
  facts: Partial<RunFacts>,
  policy: Partial<Policy>,
): Cell {
  const whole: RunFacts = {
    id,
    partition: 7,
    project: 'p',
    job: null,
    jobVersion: null,
    spec: 's',
    kind: 'SHELL',
    pool: 'default',
    need: 'shell',
    priority: 5,
    due: null,
    expires: null,
    submittedAt: now,
    dedup: null,
    cache: null,
    params: 'null',
    ...facts,
    policy: {
      retry: { ...DEFAULT_RETRY, jitter: 'NONE' },
      timeoutMs: 60_000,
      graceMs: 10_000,
      lostAfterMs: 10_000,
      retentionMs: 86_400_000,
      jobName: 'job',
      projectName: 'project',
      ...policy,
    },
  };
  return {
    facts: whole,
    state: 'SCHEDULED',
    lane: laneOf(whole),
    rank: now,
    readyAt: null,
    startedAt: null,
    attempt: 0,
    spent: 0,
    token: null,
    record: { attempts: [], seqs: [] },
  };
}

/** As a row goes to the database and comes back. */
export function copy(cell: Cell): Cell {
  return {
    ...cell,
    token: cell.token === null ? null : { ...cell.token },
    record: JSON.parse(JSON.stringify(cell.record)) as Cell['record'],
  };
}

export function resultOf(
  token: Token,
  outcome: Outcome = 'SUCCEEDED',
  given: Partial<ResultReport> = {},
): ResultReport {
  const isOk = outcome === 'SUCCEEDED';
  const error = { class: outcome, message: 'it did not', code: null, stack: null, retryMs: null };
  return {
    kind: 'result',
    token,
    outcome,
    startedAgoMs: 10,
    finishedAgoMs: 0,
    exitCode: isOk ? 0 : 1,
    signal: null,
    result: isOk ? '"ok"' : null,
    error: isOk ? null : error,
    cpuMs: null,
    memoryPeakBytes: null,
    ...given,
  };
}
