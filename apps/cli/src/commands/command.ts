import type { ParseArgsConfig } from 'node:util';
import type { Context } from '../context.js';

export type Options = NonNullable<ParseArgsConfig['options']>;
export type Values = Readonly<Record<string, string | boolean | undefined>>;

export interface Command {
  /** `runs ls` */
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly example: string;
  readonly options: Options;
  /** `required` positionals come after the name. */
  readonly positionals: { readonly required: number; readonly names: string };
  run(context: Context, values: Values, positionals: readonly string[]): Promise<number>;
}

export const textOf = (values: Values, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};
