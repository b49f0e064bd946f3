import { parseJson } from '#protocol';
import type { ParseArgsConfig } from 'node:util';
import { CommandProblem, type Context } from '../context.js';

/** As `parseArgs` takes it, and what its help says. */
export type Option = NonNullable<ParseArgsConfig['options']>[string] & {
  /** What is to be given: `NAME`, `1-10`. */
  readonly value?: string;
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
  readonly positionals: { readonly required: number; readonly names: string };
}

export interface Command extends Described {
  run(context: Context, values: Values, positionals: readonly string[]): Promise<number>;
}

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

export function jsonOf(text: string, what: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw misuse(`${what} is not JSON: ${why}`);
  }
}
