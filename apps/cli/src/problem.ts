import type { RequestError } from '#client';
import { type Of, coerced, inWords, placeIn } from './words.js';

/** What went wrong, for a program. */
export interface Told {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** In the input of the API, from the outside in. */
  readonly path?: readonly (string | number)[];
  readonly retryAfter?: string;
  readonly idempotencyKey?: string;
}

/** The exit code of what was typed wrong. */
const MISUSED = 2;

/** Ends the command with one sentence for a person. */
export class CommandProblem extends Error {
  override readonly name = 'CommandProblem';
  readonly errors: readonly [Told, ...Told[]];

  constructor(
    message: string,
    readonly exitCode = 1,
    errors: readonly Told[] = [],
  ) {
    super(message);
    const [first, ...rest] = errors;
    this.errors = [first ?? { code: exitCode === MISUSED ? 'USAGE' : 'FAILED', message }, ...rest];
  }

  /** With one more thing to say. */
  with(more: string): CommandProblem {
    const [first, ...rest] = this.errors;
    const hint = [first.hint, more].filter(Boolean).join('\n');
    return new CommandProblem(`${this.message}\n${more}`, this.exitCode, [
      { ...first, hint },
      ...rest,
    ]);
  }
}

const ABSENT_HINT = 'Check the name or id, and that the key may see its project.';

/** As the server tells of what it does not find. */
export function absent(what: string): CommandProblem {
  const message = `${what} does not exist, or this key may not see it.`;
  return problemOf([{ code: 'NOT_FOUND', message, hint: ABSENT_HINT }]);
}

/** A mistake of who typed it, as against a run or a server that failed. */
export const misuse = (message: string): CommandProblem => new CommandProblem(message, MISUSED);

/** As a line of JSON for who reads the standard error. */
export const objectOf = ({ errors: [error, ...rest] }: CommandProblem): object =>
  rest.length === 0 ? { error } : { error, errors: [error, ...rest] };

const AWAY = "Start it with 'npm start', or see what 'orrery doctor' finds.";

function adviceOn({ code, idempotencyKey }: RequestError, of: Of): string | undefined {
  if (of.isKeyed === true && idempotencyKey !== undefined) {
    return `It may have been done: repeat it with --idempotency-key ${idempotencyKey}.`;
  }
  const isElsewhere = code === 'NOT_GRAPHQL' || code === 'EMPTY';
  if (isElsewhere && of.url?.endsWith('/graphql') === false) {
    return `Is ${of.url} a /graphql address?`;
  }
  return code === 'UNREACHABLE' ? AWAY : undefined;
}

/** Of a request as a whole. */
export function toldOf(error: RequestError, of: Of): Told {
  const { code, path, retryAfter, idempotencyKey } = error;
  const isKey = code === 'UNAUTHENTICATED' && of.url !== undefined;
  const hint = error.hint ?? adviceOn(error, of);
  const message = isKey ? `this key is not valid at ${of.url}` : coerced(error.message);
  return {
    code,
    message: isKey ? message : inWords(message, of),
    ...(hint === undefined ? {} : { hint: inWords(hint, of) }),
    ...(path === undefined ? {} : { path }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

export function problemOf(errors: readonly Told[]): CommandProblem {
  const lines = errors.map(({ code, message, hint = '', retryAfter }) => {
    const again = retryAfter === undefined ? '' : `Try again in ${retryAfter}.`;
    return [`${message} (${code})`, hint, again].filter(Boolean).join(' ');
  });
  return new CommandProblem(lines.join('\n'), 1, errors);
}

export interface UserError {
  readonly code: string;
  readonly path: readonly string[];
  readonly message: string;
  readonly hint?: string | null;
}

/** What the server refuses ends the command, in its words. */
export function refuse(errors: readonly UserError[], of: Of = {}): void {
  if (errors.length === 0) return;
  const told = errors.map(({ code, path, message, hint }) => ({
    code,
    message: inWords(message, of),
    ...(hint === null || hint === undefined ? {} : { hint: inWords(hint, of) }),
    path,
  }));
  const lines = told.map(({ code, path, message, hint = '' }) => {
    const place = placeIn(path);
    const where = place === '' ? '' : `${place}: `;
    return [`${where}${message} (${code})`, hint].filter(Boolean).join(' ');
  });
  throw new CommandProblem(lines.join('\n'), 1, told);
}
