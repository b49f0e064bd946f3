import type { Millis } from '#core';
import { parseDuration } from '#config';
import { canonicalJson, hashOf } from '#definitions';
import { type KeyClaim } from '#postgres';
import { stringifyJson } from '#protocol';
import { type Labels, readLabels } from '../../specification/labels.js';
import { PARAMS_BYTES_MAX } from '../../specification/params.js';
import { type Path, type UserError, userError } from '../schema/user-error.js';
import type { SubmitRunInput } from './run.inputs.js';

/** What of a submission can be read without asking anybody. */
export interface ReadSubmission {
  /** JSON texts. */
  readonly params: string | null;
  readonly labels: Labels;
  readonly at: Millis | null;
  readonly afterMs: Millis | null;
  readonly startDeadlineMs: Millis | null;
  readonly priority: number | null;
  readonly dedupKey: string | null;
}

const AFTER_MS_MAX = 10 * 365 * 86_400_000;
/** A date that both PostgreSQL and a double hold without trouble. */
const AT_MAX = Date.UTC(9_999, 0, 1);
const KEY = /^[^\p{Cc}\p{Surrogate}]{1,255}$/u;

export function readSubmission(
  input: SubmitRunInput,
  path: Path,
  errors: UserError[],
): ReadSubmission {
  const hasJob = given(input.job);
  const hasSpec = given(input.spec);
  if (hasJob === hasSpec) {
    const message = hasJob
      ? 'Give `job` or `spec`, not both.'
      : 'Say what to run: the name of a `job`, or a `spec`.';
    errors.push(userError('INVALID_INPUT', [...path, hasJob ? 'spec' : 'job'], message));
  }
  if (hasSpec && given(input.jobVersion)) {
    const message = 'A specification given in place has no version: leave it out.';
    errors.push(userError('INVALID_INPUT', [...path, 'jobVersion'], message));
  }
  return {
    at: readAt(input, path, errors),
    priority: readRunPriority(input.priority, path, errors),
    dedupKey: readDedupKey(input, path, errors),
    params: readParams(input.params, path, errors),
    labels: readLabels(input.labels, [...path, 'labels'], errors),
    afterMs: readDuration(input.after, [...path, 'after'], errors),
    startDeadlineMs: readDuration(input.startDeadline, [...path, 'startDeadline'], errors),
  };
}

function readDedupKey(input: SubmitRunInput, path: Path, errors: UserError[]): string | null {
  const key = input.dedupKey ?? null;
  if (key === null || KEY.test(key)) return key;
  const message = 'A key has 1 to 255 characters, none of them a control character.';
  errors.push(userError('INVALID_VALUE', [...path, 'dedupKey'], message));
  return null;
}

export const given = (value: unknown): boolean => value !== undefined && value !== null;

/** The instant before which a run does not start, where one is given. */
export function readAt(
  input: { readonly at?: number | null; readonly after?: string | null },
  path: Path,
  errors: UserError[],
): Millis | null {
  const at = input.at ?? null;
  if (at === null) return null;
  if (given(input.after)) {
    const message = 'Give `at` or `after`, not both.';
    errors.push(userError('INVALID_INPUT', [...path, 'after'], message));
  }
  if (at < 0 || at > AT_MAX) {
    errors.push(userError('INVALID_VALUE', [...path, 'at'], 'That time is out of range.'));
  }
  return at;
}

export function readRunPriority(
  value: number | null | undefined,
  path: Path,
  errors: UserError[],
): number | null {
  const priority = value ?? null;
  if (priority !== null && (priority < 1 || priority > 10)) {
    const message = `The priority is ${priority}: it goes from 1, the most urgent, to 10.`;
    errors.push(userError('INVALID_VALUE', [...path, 'priority'], message));
  }
  return priority;
}

export function readParams(params: unknown, path: Path, errors: UserError[]): string | null {
  if (!given(params)) return null;
  const text = stringifyJson(params);
  const bytes = Buffer.byteLength(text);
  if (bytes <= PARAMS_BYTES_MAX) return text;
  const message = `The params have ${bytes} bytes; there may be ${PARAMS_BYTES_MAX}.`;
  const hint = 'Put what is large elsewhere, and its place into the params.';
  errors.push(userError('PAYLOAD_TOO_LARGE', [...path, 'params'], message, hint));
  return null;
}

export function readDuration(
  text: string | null | undefined,
  path: Path,
  errors: UserError[],
): Millis | null {
  if (text === null || text === undefined) return null;
  const read = parseDuration(text);
  if (read !== undefined && read <= AFTER_MS_MAX) return read;
  const message = `${JSON.stringify(text)} is no duration like 250ms, 90s or 1h30m.`;
  errors.push(userError('INVALID_DURATION', path, message));
  return null;
}

/** Undefined: no key was given. The hash is of the request as it was sent, before any default. */
export function readKey(
  project: string,
  operation: string,
  input: { readonly idempotencyKey?: string | null },
  path: Path,
  errors: UserError[],
): Omit<KeyClaim, 'ref'> | undefined {
  const { idempotencyKey: key, ...request } = input;
  if (key === undefined || key === null) return undefined;
  if (!KEY.test(key)) {
    const message = 'A key has 1 to 255 characters, none of them a control character.';
    errors.push(userError('INVALID_VALUE', [...path, 'idempotencyKey'], message));
    return undefined;
  }
  const sent = Object.entries(request).filter(([, value]) => given(value));
  return { project, operation, key, hash: hashOf(canonicalJson(Object.fromEntries(sent))) };
}
