import type { GraphQLError } from 'graphql';
import { formatDuration } from '#config';
import type { NewRun, RunRow } from '#postgres';
import { dueOf } from '../../intake/hints.service.js';
import type { Written } from '../../intake/item.js';
import { problem, unavailable } from '../driver/errors.js';
import { type Path, type UserError, userError } from '../schema/user-error.js';

const RETRY_AFTER_MS = 1_000;

/** The run as it stands in its row right after the commit: nobody needs to read it back. */
export function writtenRow(run: NewRun, at: number): RunRow {
  const due = dueOf(run, at);
  const { startDeadlineMs } = run;
  return {
    id: run.id,
    partition: run.partition,
    project: run.project,
    job: run.job,
    jobVersion: run.jobVersion,
    spec: run.spec,
    kind: run.kind,
    state: 'SCHEDULED',
    outcome: null,
    pool: run.pool,
    need: run.need,
    priority: run.priority,
    due,
    expires: startDeadlineMs === null ? null : (due ?? at) + startDeadlineMs,
    submittedAt: at,
    readyAt: null,
    startedAt: null,
    finishedAt: null,
    attempt: 0,
    executor: null,
    retryOf: run.retryOf,
    dedup: run.dedup ?? null,
    cache: run.cache ?? null,
    taken: false,
    waitsUntil: due,
    labels: run.labels,
    record: null,
    error: null,
    discarded: null,
    retries: [],
  };
}

type Trouble = Extract<Written, { kind: 'overloaded' | 'unavailable' }>;

/** Not the caller's to mend, and worth another try. */
export function troubleOf(written: Trouble): GraphQLError {
  if (written.kind === 'unavailable') return unavailable(RETRY_AFTER_MS);
  const retryAfter = formatDuration(RETRY_AFTER_MS);
  const message = `Too many submissions are waiting; try again in ${retryAfter}.`;
  return problem('RATE_LIMITED', message, { retryAfter });
}

type Refusal = Extract<Written, { kind: 'conflict' | 'refused' | 'withdrawn' }>;

export function refusalOf(written: Refusal, path: Path): UserError {
  switch (written.kind) {
    case 'conflict': {
      const message = 'This key was used with another request: use a new key for a new request.';
      return userError('IDEMPOTENCY_CONFLICT', [...path, 'idempotencyKey'], message);
    }
    case 'refused': {
      const message = `It could not be stored. Quote the reference ${written.reference}.`;
      return userError('INTERNAL', path, message);
    }
    case 'withdrawn':
      return userError('WITHDRAWN', path, 'Another item is bad, so nothing was written.');
    default: {
      const never: never = written;
      return never;
    }
  }
}
