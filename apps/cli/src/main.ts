import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Settings, loadSettings, nearest } from '#config';
import {
  type Command,
  type Described,
  type Options,
  type Values,
  misuse,
  wholeOf,
} from './commands/command.js';
import * as help from './commands/help.js';
import { commands } from './commands/table.js';
import { CommandProblem, type Context, connect } from './context.js';
import type { OutputFormat, Terminal } from './output/render.js';

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
};

/** Compiled, this file stands in dist/apps/cli/src. */
const MANIFEST = path.join(import.meta.dirname, '../../../../package.json');

/** `runs ls` before `runs`: the longest name that fits. */
function find(words: readonly string[]): Described | undefined {
  const named = (length: number): Described | undefined =>
    help.described.find(({ name }) => name === words.slice(0, length).join(' '));
  return named(2) ?? named(1);
}

function settingsOrThrow(): Settings {
  const loaded = loadSettings();
  if (loaded.ok) return loaded.settings;
  throw new CommandProblem(loaded.problems.join('\n'));
}

function unknownCommand(words: readonly string[]): CommandProblem {
  const given = words.slice(0, 2).join(' ');
  const near = nearest(given, ['help', ...help.described.map(({ name }) => name)]);
  const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
  return misuse(`There is no command '${given}'.${hint} See 'orrery help'.`);
}

async function runDev(values: Values): Promise<number> {
  const count = (name: string): number => wholeOf(values, name, [1, 32]) ?? 1;
  const counts = { schedulers: count('schedulers'), executors: count('executors') };
  // Loaded only here: TypeORM is slow to load, and most commands need none of it.
  const { dev } = await import('./commands/dev.js');
  return await dev(settingsOrThrow(), counts, terminal);
}

async function runMigrate(): Promise<number> {
  const settings = settingsOrThrow();
  if (settings.databaseUrl === undefined) {
    throw new CommandProblem('Set DATABASE_URL to the database that is to be migrated.');
  }
  const { migrate } = await import('#definitions');
  const installed = await migrate(settings.databaseUrl, settings.partitions);
  terminal.out(`up to date: format ${installed.format}, ${installed.partitions} partitions\n`);
  return 0;
}

function parse(args: readonly string[], options: Options) {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    return parsed as { values: Values; positionals: string[] };
  } catch (error) {
    throw misuse(error instanceof Error ? error.message : String(error));
  }
}

function formatOf(values: Values): OutputFormat {
  const { output } = values;
  if (output === 'table' || output === 'json' || output === 'ndjson') return output;
  throw misuse(`--output is table, json or ndjson, not '${String(output)}'.`);
}

async function runCommand(
  command: Command,
  values: Values,
  positionals: readonly string[],
): Promise<number> {
  const settings = settingsOrThrow();
  const format = formatOf(values);
  // Only when it is first needed: what was typed wrong is said without anything that runs.
  const held: { connection?: ReturnType<typeof connect> } = {};
  const connection = () => (held.connection ??= connect(settings));
  const context: Context = {
    settings,
    terminal,
    format,
    get project() {
      const given = values['project'];
      return typeof given === 'string' ? given : connection().project;
    },
    get client() {
      return connection().client;
    },
  };
  try {
    return await command.run(context, values, positionals);
  } finally {
    await held.connection?.client.close();
  }
}

async function runFound(found: Described, args: readonly string[]): Promise<number> {
  const command = commands.find(({ name }) => name === found.name);
  const common = command === undefined ? help.HELP : help.COMMON;
  const { values, positionals } = parse(args, { ...common, ...found.options });
  if (values['help'] === true) {
    terminal.out(help.helpOf(found, common));
    return 0;
  }
  const { required, names } = found.positionals;
  if (positionals.length !== required) {
    const what = required === 0 ? 'no further words' : names;
    throw misuse(`'${found.name}' takes ${what}: ${found.usage}`);
  }
  if (command !== undefined) return await runCommand(command, values, positionals);
  return found.name === 'dev' ? await runDev(values) : await runMigrate();
}

/** The words that are neither options nor their values, and where each stands. */
function wordsOf(args: readonly string[]) {
  const all = help.described.map(({ options }) => options);
  const options: Options = Object.assign({}, help.COMMON, ...all);
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.flatMap((token) => (token.kind === 'positional' ? [token] : []));
}

const isHelp = (arg: string): boolean => arg === '--help' || arg === '-h';

/** Options may stand before the name of the command, and between its words. */
async function main(args: readonly string[]): Promise<number> {
  const words = wordsOf(args);
  const [first, ...further] = words.map(({ value }) => value);
  if (first === 'help' && further.length > 0) {
    const rest = args.filter((_, i) => i !== words[0]?.index);
    return await main([...rest.filter((arg) => !isHelp(arg)), '--help']);
  }
  if (first === undefined || first === 'help') {
    const isVersion = args.includes('--version');
    const options = args.filter((arg) => arg !== first && arg !== '--version' && !isHelp(arg));
    if (options.length > 0) throw misuse("Say which command: see 'orrery help'.");
    terminal.out(isVersion ? `${versionOfThis()}\n` : help.overview());
    return 0;
  }
  const found = find([first, ...further]);
  if (found !== undefined) {
    const names = words.slice(0, found.name.split(' ').length).map(({ index }) => index);
    return await runFound(
      found,
      args.filter((_, i) => !names.includes(i)),
    );
  }
  const group = further.length === 0 ? help.groupHelp(first) : undefined;
  if (group === undefined) throw unknownCommand([first, ...further]);
  terminal.out(group);
  return 0;
}

function versionOfThis(): string {
  return (JSON.parse(fs.readFileSync(MANIFEST, 'utf8')) as { version: string }).version;
}

/** A pipe may still hold what was written: the exit waits for it. */
function leave(code: number): void {
  process.stdout.write('', () => process.exit(code));
}

main(process.argv.slice(2)).then(leave, (error: unknown) => {
  if (error instanceof CommandProblem) {
    terminal.err(`${error.message}\n`);
    leave(error.exitCode);
    return;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  terminal.err(`orrery failed, which is a bug of ours: ${stack}\n`);
  leave(70);
});
