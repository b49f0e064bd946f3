import { randomUUID } from 'node:crypto';
import type { Variables } from './client.js';
import { type Patience, type Weather, delayOf } from './patience.js';
import { type RequestError, type Result, isNobody } from './result.js';

/** It certainly was not done, or nobody knows: with the same key it may be sent again. */
const PASSING: ReadonlySet<string> = new Set([
  'UNREACHABLE',
  'UNAVAILABLE',
  'RATE_LIMITED',
  'OPERATION_TIMEOUT',
]);

/** The input with a key of its own; of a batch, each item that has none gets one. */
export function withKeys(input: Variables): Variables {
  const { items } = input;
  const idempotencyKey = input['idempotencyKey'] ?? randomUUID();
  if (!Array.isArray(items)) return { ...input, idempotencyKey };
  return { ...input, items: (items as readonly Variables[]).map((item) => withKeys(item)) };
}

type Members = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null;

const keyOf = (input: unknown): string => (isObject(input) ? String(input['idempotencyKey']) : '');

/** Where trouble remains that may pass: under which key it can be sent again. */
export function withNamedKeys<T>(result: Result<T>, input: Variables): Result<T> {
  const items = Array.isArray(input['items'])
    ? (input['items'] as unknown[]).map(keyOf)
    : undefined;
  if (!result.ok) {
    const keys =
      items === undefined ? { idempotencyKey: keyOf(input) } : { idempotencyKeys: items };
    const errors = result.errors.map((error) =>
      PASSING.has(error.code) ? { ...error, ...keys } : error,
    );
    return { ok: false, errors };
  }
  if (items === undefined || !isObject(result.value)) return result;
  const roots = Object.entries(result.value).map(([name, root]) => [name, inItems(root, items)]);
  return { ok: true, value: Object.fromEntries(roots) as T };
}

/** Of a batch's payload: each user error of an item that may pass has the item's key. */
function inItems(payload: unknown, keys: readonly string[]): unknown {
  const results = isObject(payload) ? payload['results'] : undefined;
  if (!isObject(payload) || !Array.isArray(results)) return payload;
  const named = (results as unknown[]).map((item, i) => {
    const errors = isObject(item) ? item['userErrors'] : undefined;
    if (!isObject(item) || !Array.isArray(errors)) return item;
    const userErrors = (errors as unknown[]).map((error) =>
      isObject(error) && PASSING.has(String(error['code']))
        ? { ...error, idempotencyKey: keys[i] }
        : error,
    );
    return { ...item, userErrors };
  });
  return { ...payload, results: named };
}

export interface Persisted<T> {
  readonly answer: Result<T>;
  /** At least one try has reached somebody, or may have. */
  readonly isSent: boolean;
}

/** Asks until it is answered; at the end of its patience the last failure is the answer. */
export async function persist<T>(
  ask: () => Promise<Result<T>>,
  { attemptsMax, withinMs, mustAnswer = false, repeating }: Patience,
  { now, random, wait }: Weather,
): Promise<Persisted<T>> {
  const began = now();
  let isSent = false;
  for (let failures = 0; ; failures++) {
    const answer = await ask();
    const error = answer.ok ? undefined : passing(answer.errors);
    isSent ||= error === undefined || !isNobody(error);
    if (error === undefined || failures + 1 >= attemptsMax) return { answer, isSent };
    if (mustAnswer && !isSent) return { answer, isSent };
    const delayMs = delayOf(failures, error, random);
    if (now() - began + delayMs > withinMs) return { answer, isSent };
    repeating?.(error);
    await wait(delayMs);
  }
}

/** The failure that asks for the longest wait, if all of them pass. */
function passing(errors: readonly RequestError[]): RequestError | undefined {
  if (!errors.every(({ code }) => PASSING.has(code))) return undefined;
  return errors.find(({ retryAfter }) => retryAfter !== undefined) ?? errors[0];
}
