import { type AttemptRecord, type RunError as CoreError, type RunRecord, isFrozen } from '#core';
import type { RunRow } from '#postgres';
import { parseJson } from '#protocol';
import type { Attempt, Paused, Run, RunError } from './run.model.js';

const EMPTY: RunRecord = { attempts: [], seqs: [] };
const read = new WeakMap<RunRow, RunRecord>();

export function recordOf(row: RunRow): RunRecord {
  if (row.record === null) return EMPTY;
  let record = read.get(row);
  if (record === undefined) {
    record = JSON.parse(row.record) as RunRecord;
    read.set(row, record);
  }
  return record;
}

const between = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, to - from);

export function toRun(row: RunRow): Run {
  const record = recordOf(row);
  const { readyAt, startedAt, finishedAt } = row;
  return {
    row,
    id: row.id,
    jobVersion: row.jobVersion,
    kind: row.kind,
    state: row.state,
    outcome: row.outcome ?? record.attempts.at(-1)?.outcome ?? null,
    reason: reasonOf(row, record),
    error: errorOf(row, record),
    labels: row.labels === null ? {} : parseJson(row.labels),
    priority: row.priority,
    submittedAt: row.submittedAt,
    scheduledFor: row.due,
    readyAt,
    startedAt,
    finishedAt,
    queueTime: between(readyAt, startedAt),
    runTime: between(startedAt, finishedAt),
    progress: record.progress ?? null,
  };
}

function reasonOf(row: RunRow, record: RunRecord): string | null {
  if (!row.taken) return 'It is accepted, and its partition has not taken it in yet.';
  const parked = row.finishedAt === null ? record.parked?.reason : undefined;
  return parked ?? pausedOf(row)?.reason ?? record.reason ?? record.cancel?.reason ?? null;
}

/** Also of a run that is RUNNING, and stands still. */
export function pausedOf(row: RunRow): Paused | null {
  const record = recordOf(row);
  const { freeze, paused } = record;
  if (freeze !== undefined && isFrozen(record)) {
    const { by, reason, at } = freeze;
    return { how: 'FREEZE', by, reason, at, byJob: false };
  }
  if (row.state !== 'PAUSED' || paused === undefined) return null;
  const { by, reason, at, job } = paused;
  return { how: 'HOLD', by, reason, at, byJob: job === true };
}

function errorOf(row: RunRow, record: RunRecord): RunError | null {
  if (row.error !== null) return toError(JSON.parse(row.error) as CoreError);
  const last = record.attempts.at(-1)?.error;
  return last === undefined || row.state === 'SUCCEEDED' ? null : toError(last);
}

function toError(error: CoreError): RunError {
  const { message, code, stack } = error;
  return { class: error.class, message, code: code ?? null, stack: stack ?? null };
}

/** Oldest first. */
export function attemptsOf(row: RunRow): Attempt[] {
  return recordOf(row).attempts.map(toAttempt);
}

function toAttempt(attempt: AttemptRecord): Attempt {
  return {
    number: attempt.number,
    executorId: attempt.executor,
    grantedAt: attempt.grantedAt,
    startedAt: attempt.startedAt ?? null,
    finishedAt: attempt.finishedAt ?? null,
    outcome: attempt.outcome ?? null,
    exitCode: attempt.exitCode ?? null,
    signal: attempt.signal ?? null,
    error: attempt.error === undefined ? null : toError(attempt.error),
    cpuTime: attempt.cpuMs ?? null,
    memoryPeakBytes: attempt.memoryPeakBytes ?? null,
  };
}
