import type { Ending } from './frames.js';
import {
  type RequestError,
  type WireError,
  errorOf,
  toRequestError,
  unreachable,
} from './result.js';

/** Whether to come back by the cursor, or what to tell the caller. */
export interface Verdict {
  readonly isPassing: boolean;
  readonly error: RequestError;
}

/** After these the same subscription, from where it stood, may well be answered. */
const PASSING: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'RATE_LIMITED',
  'SLOW_CONSUMER',
  'OPERATION_TIMEOUT',
]);

export function verdictOn(errors: readonly WireError[]): Verdict {
  const [error = errorOf('GRAPHQL', 'It was refused without a word.')] = errors.map(toRequestError);
  return { isPassing: PASSING.has(error.code), error };
}

/** Close codes that say what another try would hear as well. */
const REFUSALS: Readonly<Record<number, readonly [code: string, message: string]>> = {
  4004: ['PROTOCOL', 'The server said what no graphql-transport-ws server says.'],
  4400: ['PROTOCOL', 'The server took what was said for no graphql-transport-ws.'],
  4401: ['UNAUTHENTICATED', 'The key was refused.'],
  4403: ['FORBIDDEN', 'The key is no longer valid.'],
  4406: ['PROTOCOL', 'The server speaks no graphql-transport-ws.'],
};
/** An upgrade that is answered so will be answered so again. */
const REFUSED_UPGRADE = /server response: (400|401|403|404|405|426)$/;

export function verdictOnEnding(ending: Ending, url: string): Verdict {
  switch (ending.kind) {
    case 'completed':
      return { isPassing: true, error: errorOf('CLOSED', 'The server ended the stream.') };
    case 'slow':
      return { isPassing: true, error: errorOf('SLOW_CONSUMER', 'The reader was too slow.') };
    case 'left':
      return { isPassing: false, error: errorOf('LEFT', 'The reader has left.') };
    case 'broken':
      return verdictOnBreak(ending.reason, url);
    default: {
      const never: never = ending;
      return never;
    }
  }
}

/** graphql-ws gives a close event, an error event, a list of errors, or an Error. */
function verdictOnBreak(reason: unknown, url: string): Verdict {
  if (Array.isArray(reason)) return verdictOn(reason as WireError[]);
  const { code, reason: why, message, error } = reason as Readonly<Record<string, unknown>>;
  if (typeof code === 'number') {
    const refusal = REFUSALS[code];
    if (refusal !== undefined) return { isPassing: false, error: errorOf(...refusal) };
    const text = `The connection closed (${[code, why].filter(Boolean).join(' ')}).`;
    return { isPassing: true, error: errorOf('CLOSED', text) };
  }
  const isPassing = typeof message !== 'string' || !REFUSED_UPGRADE.test(message);
  return { isPassing, error: unreachable(url, error ?? message ?? reason) };
}
