import { parseJson } from '#protocol';
import { type Path, type UserError, userError } from '../graphql/schema/user-error.js';
import { Fields, type Members, isObject } from './fields.js';
import { type ReadSpecification, readSpecification } from './specification.js';
import { valuesOf } from './values.js';

/** What a project may decide for its jobs. */
const DEFAULTED = [
  ...(['priority', 'pool', 'timeout', 'startDeadline', 'deadline', 'heartbeat'] as const),
  ...(['retry', 'disconnect', 'guarantee', 'lossCountsAsAttempt', 'labels', 'limits'] as const),
] as const;
/** Of these each member is decided for itself. */
const MERGED = ['retry', 'disconnect', 'labels', 'limits'] as const;
const STAND_IN = { kind: 'function', name: 'any' };

export const VALUE_ORIGINS = ['JOB', 'PROJECT', 'BUILT_IN'] as const;
export type ValueOrigin = (typeof VALUE_ORIGINS)[number];
export interface EffectiveValue {
  /** Where it stands in a specification: `retry.delay`. */
  readonly name: string;
  readonly value: unknown;
  readonly from: ValueOrigin;
}

/** What a project's defaults may be; every error at once. */
export function readDefaults(
  value: unknown,
  path: Path,
  silentAfterMs: number,
): readonly UserError[] {
  if (!isObject(value)) {
    const message = 'Defaults are an object, like {"timeout": "10m", "retry": {"maxAttempts": 5}}.';
    return [userError('INVALID_VALUE', path, message)];
  }
  const errors: UserError[] = [];
  new Fields(value, path, errors).only(DEFAULTED);
  if (errors.length > 0) return errors;
  const read = readSpecification({ ...STAND_IN, ...value }, path, silentAfterMs);
  return read.ok ? [] : read.errors;
}

/**
 * A specification with the project's defaults where it says nothing; null stands for the built-in
 * value. Where the two contradict each other, the job's own values stand alone.
 */
export function readWithDefaults(
  value: unknown,
  defaults: Members,
  path: Path,
  silentAfterMs: number,
): ReadSpecification {
  const own = readSpecification(value, path, silentAfterMs);
  if (!own.ok || !isObject(value) || Object.keys(defaults).length === 0) return own;
  const merged = readSpecification(merge(value, defaults), path, silentAfterMs);
  return merged.ok ? merged : own;
}

/** As a job has it. */
export const readStored = (value: unknown, defaults: Members, silentAfterMs: number) =>
  readWithDefaults(value, defaults, [], boundOf(value, silentAfterMs));

/** What was set under another `silentAfter` stands as it is. */
const boundOf = (stored: unknown, silentAfterMs: number): number =>
  readSpecification(stored, [], silentAfterMs).ok ? silentAfterMs : Number.POSITIVE_INFINITY;

export const defaultsOf = (text: string): Members => parseJson(text) as Members;

function merge(own: Members, defaults: Members): Members {
  const merged: Record<string, unknown> = { ...defaults, ...own };
  for (const name of MERGED) {
    const [mine, theirs] = [own[name], defaults[name]];
    if (isObject(mine) && isObject(theirs)) merged[name] = { ...theirs, ...mine };
  }
  return merged;
}

/** Each value that a run of the job goes by, and who has decided it. */
export function effectiveValues(
  own: unknown,
  defaults: Members,
  silentAfterMs: number,
): readonly EffectiveValue[] {
  if (!isObject(own)) return [];
  const bound = boundOf(own, silentAfterMs);
  const merged = readSpecification(merge(own, defaults), [], bound);
  const read = merged.ok ? merged : readSpecification(own, [], bound);
  if (!read.ok) return [];
  const theirs = merged.ok ? defaults : {};
  return valuesOf(read.specification).map(([name, value]) => ({
    name,
    value,
    from: originOf(name, own, theirs),
  }));
}

function originOf(name: string, own: Members, defaults: Members): ValueOrigin {
  const mine = at(own, name);
  // Null is said by the job as well: that it wants the built-in value.
  if (mine !== undefined) return mine === null ? 'BUILT_IN' : 'JOB';
  return (at(defaults, name) ?? null) === null ? 'BUILT_IN' : 'PROJECT';
}

function at(members: Members, name: string): unknown {
  if (Object.hasOwn(members, name)) return members[name];
  const dot = name.indexOf('.');
  const first = name.slice(0, Math.max(0, dot));
  const value = Object.hasOwn(members, first) ? members[first] : undefined;
  return isObject(value) ? at(value, name.slice(dot + 1)) : value;
}
