import type { ParseArgsConfig } from 'node:util';
import type { Settings } from '#config';
import type { Context } from '../context.js';
import type { OutputFormat, Terminal } from '../output/render.js';

/** As `parseArgs` takes it, and what its help says. */
export type Option = NonNullable<ParseArgsConfig['options']>[string] & {
  /** What is to be given: `NAME`, `1-10`. */
  readonly value?: string;
  /** All that it may be, where that is known: a shell completes it. */
  readonly oneOf?: readonly string[];
  readonly help: string;
  /** Without it there is nothing to do. */
  readonly required?: true;
};
export type Options = Readonly<Record<string, Option>>;
/** An array where the option may be repeated. */
export type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What the help tells of a command. */
export interface Described {
  /** `runs ls` */
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly example: string;
  readonly options: Options;
  /** `required` positionals come after the name, and no more than `most`. */
  readonly positionals: {
    readonly required: number;
    readonly most?: number;
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
