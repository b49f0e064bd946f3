import { parseArgs } from 'node:util';
import { type Settings, loadSettings, nearest } from '#config';
import { stringifyJson } from '#protocol';
import { type Command, type Described, type Options, type Values } from './commands/command.js';
import { textOf } from './commands/values.js';
import { described, locals } from './commands/all.js';
import { checkGiven } from './commands/given.js';
import * as help from './commands/help.js';
import { COMMON, commonOf } from './commands/options.js';
import { commands } from './commands/table.js';
import { type Context, connect, tell } from './context.js';
import { OUTPUT_FORMATS, type OutputFormat, type Terminal } from './output/render.js';
import { versionOfThis } from './places.js';
import { CommandProblem, misuse, objectOf } from './problem.js';

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
};

/** `runs ls` before `runs`: the longest name that fits. */
function find(words: readonly string[]): Described | undefined {
  const named = (length: number): Described | undefined =>
    described.find(({ name }) => name === words.slice(0, length).join(' '));
  return named(2) ?? named(1);
}

function settingsOrThrow(): Settings {
  const loaded = loadSettings();
  if (loaded.ok) return loaded.settings;
  throw new CommandProblem(loaded.problems.join('\n'));
}

/** What may have been meant: `runs explain` by `explain` as well. */
function meantBy([first = '', ...rest]: readonly string[]): readonly string[] {
  const names = ['help', ...described.map(({ name }) => name)];
  const endingIn = (word: string): readonly string[] =>
    names.filter((name) => name.endsWith(` ${word}`));
  const isGroup = names.some((name) => name.startsWith(`${first} `));
  const verbs = isGroup ? [] : endingIn(first);
  if (verbs.length > 0) return verbs;
  // What follows a command of one word is not part of its name.
  const near = nearest([first, ...rest].slice(0, 2).join(' '), names) ?? nearest(first, names);
  if (near !== undefined) return [near];
  const verb = nearest(
    first,
    names.map((name) => name.split(' ').at(-1) ?? ''),
  );
  return verb === undefined ? [] : endingIn(verb);
}

function unknownCommand(words: readonly string[]): CommandProblem {
  const given = words.slice(0, 2).join(' ');
  const meant = meantBy(words).map((name) => `'${name}'`);
  const hint = meant.length === 0 ? '' : ` Did you mean ${meant.join(' or ')}?`;
  return misuse(`There is no command '${given}'.${hint} See 'orrery help'.`);
}

/** Of two values one would be dropped without a word. */
function once(tokens: readonly { kind: string; name?: string }[], options: Options): void {
  const names = tokens.flatMap(({ kind, name = '' }) => (kind === 'option' ? [name] : []));
  const twice = names.find((name, i) => {
    const { type, multiple } = options[name] ?? {};
    return type === 'string' && multiple !== true && names.indexOf(name) !== i;
  });
  if (twice !== undefined) throw misuse(`--${twice} is given twice, and takes one value.`);
}

function parse(args: readonly string[], options: Options, name: string) {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, tokens: true });
    once(parsed.tokens, options);
    return parsed as { values: Values; positionals: string[] };
  } catch (error) {
    if (error instanceof CommandProblem) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const [, unknown] = /^Unknown option '(-[^']*)'/.exec(message) ?? [];
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || unknown === undefined) throw misuse(message);
    const near = nearest(
      unknown,
      Object.keys(options).map((each) => `--${each}`),
    );
    const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
    throw misuse(`Unknown option '${unknown}'.${hint} See 'orrery help ${name}'.`);
  }
}

function formatOf({ output = 'table' }: Values): OutputFormat {
  const format = OUTPUT_FORMATS.find((each) => each === output);
  if (format !== undefined) return format;
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
  const connection = () =>
    (held.connection ??= connect(settings, textOf(values, 'profile'), (text) =>
      tell({ terminal, format }, text),
    ));
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
  const { values, positionals } = parse(args, { ...commonOf(found), ...found.options }, found.name);
  if (values['help'] === true) {
    terminal.out(help.helpOf(found));
    return 0;
  }
  checkGiven(found, values, positionals);
  const local = locals.find(({ name }) => name === found.name);
  if (local !== undefined) {
    const place = { settings: settingsOrThrow, terminal, format: formatOf(values) };
    return await local.start(place, values, positionals);
  }
  const command = commands.find(({ name }) => name === found.name);
  if (command === undefined) throw new Error(`${found.name} is told of and is not there`);
  return await runCommand(command, values, positionals);
}

/** The words that are neither options nor their values, and where each stands. */
function wordsOf(args: readonly string[]) {
  const all = described.map(({ options }) => options);
  const options: Options = Object.assign({}, COMMON, ...all);
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

/** A pipe may still hold what was written: the exit waits for it. */
function leave(code: number): void {
  process.stdout.write('', () => process.exit(code));
}

const args = process.argv.slice(2);

/** However wrong the rest is: whether a program reads what went wrong. */
function isForProgram(): boolean {
  const options = { output: { type: 'string' } } as const;
  const { values } = parseArgs({ args, options, strict: false });
  return values.output === 'json' || values.output === 'ndjson';
}

main(args).then(leave, (error: unknown) => {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const said = `orrery failed, which is a bug of ours: ${stack}`;
  const known =
    error instanceof CommandProblem
      ? error
      : new CommandProblem(said, 70, [{ code: 'DEFECT', message: said }]);
  const text = isForProgram() ? stringifyJson(objectOf(known)) : known.message;
  terminal.err(`${text}\n`);
  leave(known.exitCode);
});
