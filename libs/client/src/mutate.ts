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

/** Asks until it is answered; at the end of its patience the last failure is the answer. */
export async function persist<T>(
  ask: () => Promise<Result<T>>,
  { attemptsMax, withinMs, mustAnswer = false, repeating }: Patience,
  { now, random, wait }: Weather,
): Promise<Result<T>> {
  const began = now();
  for (let failures = 0; ; failures++) {
    const answer = await ask();
    const error = answer.ok ? undefined : passing(answer.errors);
    if (error === undefined || failures + 1 >= attemptsMax) return answer;
    if (mustAnswer && failures === 0 && isNobody(error)) return answer;
    const delayMs = delayOf(failures, error, random);
    if (now() - began + delayMs > withinMs) return answer;
    repeating?.(error);
    await wait(delayMs);
  }
}

/** The failure that asks for the longest wait, if all of them pass. */
function passing(errors: readonly RequestError[]): RequestError | undefined {
  if (!errors.every(({ code }) => PASSING.has(code))) return undefined;
  return errors.find(({ retryAfter }) => retryAfter !== undefined) ?? errors[0];
}
