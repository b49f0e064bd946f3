import { nearest, parseDuration } from '#config';
import { RUN_STATES } from '#core';
import { parseJson } from '#protocol';
import { misuse } from '../problem.js';
import { type Options, type Values } from './command.js';

/** When something starts. */
export const TIME = {
  at: { type: 'string', value: 'TIME', help: 'not before this time: 2030-01-31T12:00:00Z' },
  after: { type: 'string', value: 'DURATION', help: 'not before so long from now: 90s, 2h' },
} as const satisfies Options;
export const REASON = {
  reason: { type: 'string', value: 'TEXT', help: 'why, for who looks at it later' },
} as const satisfies Options;

/** Of `--state`. */
export const STATES: readonly string[] = RUN_STATES;
/** Of `--priority`. */
export const PRIORITIES: readonly string[] = Array.from({ length: 10 }, (_, i) => String(i + 1));

export const textOf = (values: Values, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

/** A whole number, or a sentence that says what it may be. */
export function wholeOf(
  values: Values,
  name: string,
  [from, to]: readonly [number, number],
): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  throw misuse(`--${name} is a whole number from ${from} to ${to}, not '${text}'.`);
}

/** In milliseconds. */
export function durationOf(values: Values, name: string): number | undefined {
  const text = durationTextOf(values, name);
  return text === undefined ? undefined : parseDuration(text);
}

/** As the server takes it. */
export function durationTextOf(values: Values, name: string): string | undefined {
  const text = textOf(values, name);
  if (text === undefined || parseDuration(text) !== undefined) return text;
  throw misuse(`--${name} is a length of time like 90s, 5m or 1h30m, not '${text}'.`);
}

/** As the server reads it: a bare date or a time without its zone means another time elsewhere. */
const TIME_SHAPE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
const isTime = (text: string): boolean => TIME_SHAPE.test(text) && !Number.isNaN(Date.parse(text));
const timeLike = (): string => `${new Date().toISOString().slice(0, 16)}:00Z`;

export function timeOf(values: Values, name: string): string | undefined {
  const text = textOf(values, name);
  if (text === undefined || isTime(text)) return text;
  throw misuse(`--${name} is a time with its zone like ${timeLike()}, not '${text}'.`);
}

/** A time, or how long ago it is by the clock of this machine. */
export function pastOf(values: Values, name: string): string | undefined {
  const text = textOf(values, name);
  if (text === undefined || isTime(text)) return text;
  const ms = parseDuration(text);
  const at = new Date(Date.now() - (ms ?? Number.NaN));
  if (!Number.isNaN(at.getTime())) return at.toISOString();
  throw misuse(
    `--${name} is a time like ${timeLike()}, or how long ago that is like 2h, not '${text}'.`,
  );
}

/** When a run is to start, said in one way. */
export function startOf(values: Values): { readonly at?: string; readonly after?: string } {
  const [at, after] = [timeOf(values, 'at'), durationTextOf(values, 'after')];
  if (at !== undefined && after !== undefined) throw misuse('Give --at or --after, not both.');
  return given({ at, after });
}

/** One of the words that there are, in capitals however it is typed. */
export function wordOf(text: string, what: string, known: readonly string[]): string {
  const word = text.trim().toUpperCase();
  if (known.includes(word)) return word;
  const near = nearest(word, known);
  const hint = near === undefined ? '' : ` Did you mean ${near}?`;
  throw misuse(`${what} is one of ${known.join(', ')}, not '${text}'.${hint}`);
}

/** `DEAD,EXPIRED` */
export function statesOf(values: Values): readonly string[] | undefined {
  const text = textOf(values, 'state');
  return text?.split(',').map((each) => wordOf(each, '--state', STATES));
}

/** Only what was said. */
export const given = <T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };

export function jsonOf(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw misuse(`${what} is not JSON: ${why}`);
  }
}
