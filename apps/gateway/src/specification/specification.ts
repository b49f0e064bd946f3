import type { JobKind, RetryPolicy } from '#core';
import { NAME_PATTERN } from '#protocol';
import { type Path, type UserError, userError } from '../graphql/schema/user-error.js';
import { canonicalJson } from '#definitions';
import { type Disconnect, readDisconnect } from './disconnect.js';
import { Fields, isObject } from './fields.js';
import { HTTP_FIELDS, readHttp } from './http.js';
import { type Cache, type Dedup, readCache, readDedup } from './keys.js';
import { type Labels, readLabels } from './labels.js';
import { readOutputBytesMax } from './limits.js';
import { checkSchema } from './params.js';
import { DEFAULT_PRIORITY, readPriority } from './priority.js';
import { readRetry } from './retry.js';

/** A job's specification, checked and with every default in its place. */
export interface Specification extends Disconnect {
  readonly kind: Extract<JobKind, 'SHELL' | 'HTTP' | 'FUNCTION'>;
  /** The requirement class (`shell`, `http`, `function:noop`). */
  readonly need: string;
  /** What the executor needs, and nothing else. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly pool: string;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly startDeadlineMs: number | null;
  /** Over all attempts. */
  readonly deadlineMs: number | null;
  readonly heartbeatMs: number | null;
  readonly atMostOnce: boolean;
  readonly lossCounts: boolean;
  /** What is kept of the log of an attempt; null: as much as of any. */
  readonly outputBytesMax: number | null;
  readonly retry: RetryPolicy;
  readonly dedup: Dedup | null;
  readonly cache: Cache | null;
  readonly labels: Labels;
  readonly description: string | null;
  readonly owner: string | null;
  /** A JSON Schema for the params of runs. */
  readonly params: unknown;
}
export type ReadSpecification =
  | { readonly ok: true; readonly specification: Specification }
  | { readonly ok: false; readonly errors: readonly UserError[] };

const DAY_MS = 86_400_000;
const DEFAULT_TIMEOUT_MS = 3_600_000;
/** As it travels, quoted: with params it must fit into one message to an executor. */
const SPECIFICATION_BYTES_MAX = 448 * 1_024;
const GUARANTEES = ['AT_LEAST_ONCE', 'AT_MOST_ONCE'] as const;
const VARIABLE = /^[^=\0]{1,255}$/;

const KINDS = ['shell', 'http', 'function'] as const;
const COMMON = [
  'kind',
  'description',
  'owner',
  'labels',
  'params',
  'priority',
  'pool',
  'timeout',
  'startDeadline',
  'retry',
  'disconnect',
  'deadline',
  'heartbeat',
  'guarantee',
  'lossCountsAsAttempt',
  'dedup',
  'cache',
  'limits',
] as const;
const OWN = {
  shell: ['command', 'shell', 'workingDirectory', 'environment'],
  http: HTTP_FIELDS,
  function: ['name'],
} as const;
const LATER: ReadonlySet<string> = new Set([
  ...['files', 'secrets'],
  ...['resources', 'selector', 'affinity', 'concurrency', 'isolation'],
  ...['notify', 'triggers', 'environment'],
]);

/** `silentAfterMs`: of the executors here; Infinity where that is not to be checked again. */
export function readSpecification(
  value: unknown,
  path: Path,
  silentAfterMs: number,
): ReadSpecification {
  if (!isObject(value)) {
    const message = 'A specification is an object with a kind, such as {"kind": "shell", …}.';
    return { ok: false, errors: [userError('INVALID_VALUE', path, message)] };
  }
  if (Buffer.byteLength(JSON.stringify(canonicalJson(value))) > SPECIFICATION_BYTES_MAX) {
    const message = `The specification is larger than ${SPECIFICATION_BYTES_MAX / 1_024} KiB.`;
    return { ok: false, errors: [userError('PAYLOAD_TOO_LARGE', path, message)] };
  }
  const errors: UserError[] = [];
  const fields = new Fields(value, path, errors);
  const kind = readKind(fields);
  if (kind === undefined) return { ok: false, errors };
  fields.only([...COMMON, ...OWN[kind]], LATER);
  const specification: Specification = {
    ...READERS[kind](fields),
    pool:
      fields.text('pool', { max: 80, shape: NAME_PATTERN, is: 'the name of a pool' }) ?? 'default',
    priority: readPriority(fields, 'priority') ?? DEFAULT_PRIORITY,
    timeoutMs: fields.duration('timeout', 1, 30 * DAY_MS) ?? DEFAULT_TIMEOUT_MS,
    startDeadlineMs: fields.duration('startDeadline', 1, 365 * DAY_MS) ?? null,
    deadlineMs: fields.duration('deadline', 1, 365 * DAY_MS) ?? null,
    heartbeatMs: fields.duration('heartbeat', 100, 30 * DAY_MS) ?? null,
    atMostOnce: fields.word('guarantee', GUARANTEES) === 'AT_MOST_ONCE',
    lossCounts: fields.flag('lossCountsAsAttempt') ?? true,
    ...readDisconnect(fields, silentAfterMs),
    outputBytesMax: readOutputBytesMax(fields),
    retry: readRetry(fields),
    dedup: readDedup(fields),
    cache: readCache(fields),
    labels: readLabels(fields.value('labels'), [...path, 'labels'], errors),
    description: fields.text('description', { max: 10_000, is: 'a text' }) ?? null,
    owner: fields.text('owner', { max: 255, is: 'a name' }) ?? null,
    params: fields.has('params') ? fields.value('params') : undefined,
  };
  checkTimes(fields, specification);
  if (specification.params !== undefined) {
    errors.push(...checkSchema(specification.params, [...path, 'params']));
  }
  return errors.length === 0 ? { ok: true, specification } : { ok: false, errors };
}

/** Times that leave each other no room are a mistake. */
function checkTimes(fields: Fields, times: Specification): void {
  const { deadlineMs, startDeadlineMs, heartbeatMs, timeoutMs } = times;
  if (deadlineMs !== null && startDeadlineMs !== null && startDeadlineMs > deadlineMs) {
    const message = 'startDeadline is behind the deadline, by which everything has to be over.';
    fields.refuse('startDeadline', 'CONTRADICTION', message);
  }
  if (heartbeatMs !== null && heartbeatMs > timeoutMs) {
    const message = 'heartbeat is longer than the timeout: it can never be missed.';
    fields.refuse('heartbeat', 'CONTRADICTION', message);
  }
}

function readKind(fields: Fields): (typeof KINDS)[number] | undefined {
  const value = fields.value('kind');
  const kind = KINDS.find((each) => typeof value === 'string' && each === value.toLowerCase());
  if (kind !== undefined) return kind;
  const shown = value === undefined ? 'A kind is missing' : `${JSON.stringify(value)} is no kind`;
  const message = `${shown} that can run here: supported are ${KINDS.join(', ')}.`;
  fields.refuse('kind', 'UNSUPPORTED_KIND', message);
  return undefined;
}

type Own = Pick<Specification, 'kind' | 'need' | 'body'>;

function readShell(fields: Fields): Own {
  if (!fields.has('command')) {
    fields.refuse('command', 'REQUIRED', 'A shell job needs its command line.');
  }
  const body: Record<string, unknown> = {
    kind: 'shell',
    command: fields.text('command', { max: 500_000, is: 'a command line' }),
    shell: fields.text('shell', { max: 4_096, is: 'the path of a shell' }),
    workingDirectory: fields.text('workingDirectory', { max: 4_096, is: 'a path' }),
    environment: readEnvironment(fields),
  };
  return { kind: 'SHELL', need: 'shell', body };
}

function readEnvironment(fields: Fields): Readonly<Record<string, unknown>> | undefined {
  const variables = fields.object('environment');
  const nested = fields.nested('environment');
  for (const [name, value] of Object.entries(variables ?? {})) {
    const isText = typeof value === 'string' && !value.includes('\0');
    if (isText && VARIABLE.test(name)) continue;
    nested?.refuse(name, 'INVALID_VALUE', 'A variable has a name and a text.');
  }
  return variables;
}

function readFunction(fields: Fields): Own {
  const rule = { max: 80, shape: NAME_PATTERN, is: 'the name of a registered function' };
  const name = fields.text('name', rule);
  if (!fields.has('name')) {
    fields.refuse('name', 'REQUIRED', 'A function job needs the name of its function.');
  }
  return { kind: 'FUNCTION', need: `function:${name}`, body: { kind: 'function', name } };
}

const READERS: Readonly<Record<(typeof KINDS)[number], (fields: Fields) => Own>> = {
  shell: readShell,
  http: readHttp,
  function: readFunction,
};
