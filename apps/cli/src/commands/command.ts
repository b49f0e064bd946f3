import { RUN_STATES } from '#core';
import { parseJson } from '#protocol';
import type { ParseArgsConfig } from 'node:util';
import { type Settings, parseDuration } from '#config';
import { CommandProblem, type Context } from '../context.js';
import type { OutputFormat, Terminal } from '../output/render.js';

/** As `parseArgs` takes it, and what its help says. */
export type Option = NonNullable<ParseArgsConfig['options']>[string] & {
  /** What is to be given: `NAME`, `1-10`. */
  readonly value?: string;
  /** All that it may be, where that is known: a shell completes it. */
  readonly oneOf?: readonly string[];
  readonly help: string;
};
export type Options = Readonly<Record<string, Option>>;
export type Values = Readonly<Record<string, string | boolean | undefined>>;

/** What the help tells of a command. */
export interface Described {
  /** `runs ls` */
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly example: string;
  readonly options: Options;
  /** `required` positionals come after the name. */
  readonly positionals: {
    readonly required: number;
    readonly names: string;
    readonly oneOf?: readonly string[];
  };
  /** More than the usage says, in sentences. */
  readonly more?: string;
  /** It starts or makes something, and has no answer that a program would read. */
  readonly isWordy?: true;
}

/** What a command has that needs no server to ask. */
export interface Place {
  /** Read when they are needed: wrong ones keep nobody from a help page. */
  readonly settings: () => Settings;
  readonly terminal: Terminal;
  readonly format: OutputFormat;
}
export interface LocalCommand extends Described {
  start(place: Place, values: Values, positionals: readonly string[]): Promise<number>;
}

export interface Command extends Described {
  run(context: Context, values: Values, positionals: readonly string[]): Promise<number>;
}

/** Of `--state`. */
export const STATES: readonly string[] = RUN_STATES;
/** Of `--priority`. */
export const PRIORITIES: readonly string[] = Array.from({ length: 10 }, (_, i) => String(i + 1));

/** A mistake of who typed it, as against a run or a server that failed. */
export const misuse = (message: string): CommandProblem => new CommandProblem(message, 2);

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
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw misuse(`--${name} is a length of time like 90s, 5m or 1h30m, not '${text}'.`);
}

export function jsonOf(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw misuse(`${what} is not JSON: ${why}`);
  }
}
