import { JOB_KINDS, type RunFacts } from '#core';
import { isUuid } from './uuid.js';

/** The facts of a run that was just written, for its owner: what the row says, without bodies. */
export type HintFacts = Omit<RunFacts, 'policy'>;

/** Params above this stay in the database (architecture §3, Bodies). */
export const MAX_HINT_PARAMS_BYTES = 4_096;

const KINDS: ReadonlySet<string> = new Set(JOB_KINDS);

const utf8 = new TextEncoder();
/** As the database counts: what is surely too large is not encoded for it. */
const bytesOf = (text: string): number =>
  text.length > MAX_HINT_PARAMS_BYTES ? text.length : utf8.encode(text).length;

export function encodeHint(facts: HintFacts): string {
  const params = facts.params;
  const isSmall = params !== undefined && bytesOf(params) <= MAX_HINT_PARAMS_BYTES;
  return JSON.stringify([
    facts.id,
    facts.partition,
    facts.project,
    facts.job,
    facts.jobVersion,
    facts.spec,
    facts.kind,
    facts.pool,
    facts.need,
    facts.priority,
    facts.due,
    facts.expires,
    facts.submittedAt,
    isSmall ? params : null,
    facts.dedup,
    facts.cache,
  ]);
}

const isText = (v: unknown): v is string => typeof v === 'string';
const isNumber = (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v);
const isTextOrNull = (v: unknown): v is string | null => v === null || isText(v);
const isNumberOrNull = (v: unknown): v is number | null => v === null || isNumber(v);

/** Undefined: nonsense. The inbox row, which is the truth, is swept in its place. */
export function decodeHint(text: string): HintFacts | undefined {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(values)) return undefined;
  const [id, partition, project, job, jobVersion, spec, kind, pool, need, priority, ...times] =
    values as unknown[];
  const [due, expires, submittedAt, params, dedup, cache] = times;
  const isSound =
    [id, project, spec, kind, pool, need].every(isText) &&
    isUuid(id) &&
    [partition, priority, submittedAt].every(isNumber) &&
    [job, params, dedup, cache].every(isTextOrNull) &&
    [jobVersion, due, expires].every(isNumberOrNull) &&
    KINDS.has(kind as string);
  if (!isSound) return undefined;
  return {
    id,
    partition,
    project,
    job,
    jobVersion,
    spec,
    kind,
    pool,
    need,
    priority,
    due,
    expires,
    submittedAt,
    dedup,
    cache,
    params: params ?? undefined,
  } as HintFacts;
}
