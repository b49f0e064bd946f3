import type { Millis } from '#core';
import { canonicalJson, hashOf } from '#definitions';
import { parseJson, stringifyJson } from '#protocol';
import { type Path, type UserError, userError } from '../graphql/schema/user-error.js';
import { type Fields, isObject } from './fields.js';

/** Only one run at a time holds a key, while it waits for its start or until its end (2.4). */
export interface Dedup {
  /** A text with `${params.…}` in it; null: each submission says its own. */
  readonly key: string | null;
  readonly whileIn: (typeof WHILE_IN)[number];
}
/** A result stands for what asks for the same within this time. */
export interface Cache {
  /** null: the params as a whole. */
  readonly key: string | null;
  readonly ttlMs: Millis;
}

const WHILE_IN = ['QUEUED', 'ACTIVE'] as const;
const KEY_MAX = 255;
const TTL_MS_MAX = 90 * 86_400_000;
const PLACEHOLDER = /\$\{([^}]*)\}?/g;
const REFERENCE = /^params(\.[\p{L}\p{N}_-]+)+$/u;
const KEY = /^[^\p{Cc}\p{Surrogate}]{1,255}$/u;

export function readDedup(fields: Fields): Dedup | null {
  const dedup = fields.nested('dedup');
  if (dedup === undefined) return null;
  dedup.only(['key', 'whileIn']);
  return { key: readTemplate(dedup), whileIn: dedup.word('whileIn', WHILE_IN) ?? 'ACTIVE' };
}

export function readCache(fields: Fields): Cache | null {
  const cache = fields.nested('cache');
  if (cache === undefined) return null;
  cache.only(['key', 'ttl']);
  const key = readTemplate(cache);
  const ttlMs = cache.duration('ttl', 1, TTL_MS_MAX);
  if (ttlMs !== undefined) return { key, ttlMs };
  if (!cache.has('ttl')) cache.refuse('ttl', 'REQUIRED', 'Say for how long a result stands.');
  return null;
}

function readTemplate(fields: Fields): string | null {
  const is = `a text of 1 to ${KEY_MAX} characters, none of them a control character`;
  const key = fields.text('key', { max: KEY_MAX, shape: KEY, is });
  for (const [whole, reference = ''] of key?.matchAll(PLACEHOLDER) ?? []) {
    if (whole.endsWith('}') && REFERENCE.test(reference)) continue;
    const message = `${whole} is no place in the params, written like \${params.city}.`;
    fields.refuse('key', 'INVALID_VALUE', message);
  }
  return key ?? null;
}

/** The key as these params make it; undefined: `errors` says what they lack. */
export function renderKey(
  template: string,
  params: string | null,
  path: Path,
  errors: UserError[],
): string | undefined {
  const values = parseJson(params ?? 'null');
  let isWhole = true;
  const key = template.replace(PLACEHOLDER, (whole, reference: string) => {
    const value = valueAt(values, reference.split('.').slice(1));
    if (value !== undefined) return value;
    isWhole = false;
    const message = `The job's key takes ${whole}, and these params have no such text or number.`;
    errors.push(userError('INVALID_VALUE', path, message));
    return '';
  });
  if (isWhole && KEY.test(key)) return key;
  if (isWhole) {
    const message = `The key that these params make has not 1 to ${KEY_MAX} printable characters.`;
    errors.push(userError('INVALID_VALUE', path, message));
  }
  return undefined;
}

/** Own members only: no name in a key reaches what every object has. */
function valueAt(values: unknown, names: readonly string[]): string | undefined {
  let value = values;
  for (const name of names) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  if (typeof value === 'string') return value;
  if (value === null || value === undefined || isObject(value) || Array.isArray(value)) {
    return undefined;
  }
  return stringifyJson(value);
}

/** What is not given by the submission itself is made of the job's template. */
export function dedupKeyOf(
  dedup: Dedup | null,
  own: string | null,
  params: string | null,
  path: Path,
  errors: UserError[],
): string | null {
  if (own !== null) return own;
  const template = dedup?.key ?? null;
  if (template === null) return null;
  return renderKey(template, params, [...path, 'params'], errors) ?? null;
}

/** Of one job's runs, or of all those of the project that have none. */
export const dedupHash = (job: string | null, key: string): string =>
  hashOf(`${job ?? ''}\n${key}`);

/** A job that is changed in what it does starts with an empty cache. */
export function cacheHash(
  cache: Cache,
  spec: string,
  params: string | null,
  path: Path,
  errors: UserError[],
): string | null {
  if (cache.key === null) {
    return hashOf(`${spec}\nparams\n${canonicalJson(parseJson(params ?? 'null'))}`);
  }
  const key = renderKey(cache.key, params, [...path, 'params'], errors);
  return key === undefined ? null : hashOf(`${spec}\nkey\n${key}`);
}
