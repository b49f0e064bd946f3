import { parseArgs } from 'node:util';
import { type Settings, loadSettings, nearest } from '#config';
import type { Command, Options, Values } from './commands/command.js';
import { commands } from './commands/table.js';
import { CommandProblem, type Context, connect } from './context.js';
import type { OutputFormat, Terminal } from './output/render.js';

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY === true,
};

const COMMON: Options = {
  output: { type: 'string', default: 'table' },
  project: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
};
const OWN = ['dev', 'migrate', 'help'] as const;

function overview(): string {
  const rows = [
    ['dev', 'run everything on this machine (npm start)'],
    ['migrate', 'bring the database of DATABASE_URL up to date'],
    ...commands.map((command) => [command.name, command.summary]),
  ];
  const lines = rows.map(([name = '', summary = '']) => `  ${name.padEnd(16)} ${summary}`);
  return [
    'orrery COMMAND [options]',
    '',
    ...lines,
    '',
    'Options of all: --output table|json|ndjson, --project NAME, --help',
    '',
  ].join('\n');
}

function helpOf(command: Command): string {
  return `${command.summary}\n\n  ${command.usage}\n\nExample\n  ${command.example}\n`;
}

/** `runs ls` before `runs`: the longest name that fits. */
function find(words: readonly string[]): { command: Command; rest: readonly string[] } | undefined {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(' ');
    const command = commands.find((candidate) => candidate.name === name);
    if (command !== undefined) return { command, rest: words.slice(length) };
  }
  return undefined;
}

function settingsOrThrow(): Settings {
  const loaded = loadSettings();
  if (loaded.ok) return loaded.settings;
  throw new CommandProblem(loaded.problems.join('\n'));
}

function unknownCommand(words: readonly string[]): CommandProblem {
  const given = words
    .filter((word) => !word.startsWith('-'))
    .slice(0, 2)
    .join(' ');
  const near = nearest(given, [...OWN, ...commands.map((command) => command.name)]);
  const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
  return new CommandProblem(`There is no command '${given}'.${hint} See 'orrery help'.`, 2);
}

async function runDevCommand(words: readonly string[]): Promise<number> {
  const { values } = parse(words, {
    schedulers: { type: 'string', default: '1' },
    executors: { type: 'string', default: '1' },
  });
  const count = (name: string): number => {
    const given = Number(values[name]);
    if (Number.isInteger(given) && given >= 1 && given <= 32) return given;
    throw new CommandProblem(`--${name} is a number from 1 to 32.`, 2);
  };
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

function parse(words: readonly string[], options: Options) {
  try {
    return parseArgs({
      args: [...words],
      options: { ...COMMON, ...options },
      allowPositionals: true,
    }) as { values: Values; positionals: string[] };
  } catch (error) {
    throw new CommandProblem(error instanceof Error ? error.message : String(error), 2);
  }
}

function formatOf(values: Values): OutputFormat {
  const { output } = values;
  if (output === 'table' || output === 'json' || output === 'ndjson') return output;
  throw new CommandProblem(`--output is table, json or ndjson, not '${String(output)}'.`, 2);
}

async function runCommand(command: Command, words: readonly string[]): Promise<number> {
  const { values, positionals } = parse(words, command.options);
  if (values['help'] === true) {
    terminal.out(helpOf(command));
    return 0;
  }
  const { required, names } = command.positionals;
  if (positionals.length !== required) {
    const what = required === 0 ? 'no further words' : names;
    throw new CommandProblem(`'${command.name}' takes ${what}: ${command.usage}`, 2);
  }
  const settings = settingsOrThrow();
  const format = formatOf(values);
  const { client, project } = connect(settings);
  const chosen = typeof values['project'] === 'string' ? values['project'] : project;
  const context: Context = { settings, terminal, format, project: chosen, client };
  try {
    return await command.run(context, values, positionals);
  } finally {
    await client.close();
  }
}

async function main(words: readonly string[]): Promise<number> {
  const [first = 'help', ...rest] = words;
  if (first === 'help' || first === '--help' || first === '-h') {
    terminal.out(overview());
    return 0;
  }
  if (first === 'dev') return await runDevCommand(rest);
  if (first === 'migrate') return await runMigrate();
  const found = find(words);
  if (found === undefined) throw unknownCommand(words);
  return await runCommand(found.command, found.rest);
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
