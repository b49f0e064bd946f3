import type { Described, Options } from './command.js';
import { commands } from './table.js';

export const HELP: Options = {
  help: { type: 'boolean', short: 'h', help: 'print this and do nothing else' },
};
export const COMMON: Options = {
  output: {
    type: 'string',
    default: 'table',
    value: 'FORMAT',
    help: 'table, json or ndjson; else table',
  },
  project: { type: 'string', value: 'NAME', help: 'the project; else demo' },
  ...HELP,
};

const NONE = { required: 0, names: '' };

export const dev: Described = {
  name: 'dev',
  summary: 'run everything on this machine (npm start)',
  usage: 'orrery dev [--schedulers N] [--executors N]',
  example: 'orrery dev --executors 2',
  options: {
    schedulers: { type: 'string', default: '1', value: 'N', help: '1 to 32 of them; else 1' },
    executors: { type: 'string', default: '1', value: 'N', help: '1 to 32 of them; else 1' },
  },
  positionals: NONE,
};

export const migrate: Described = {
  name: 'migrate',
  summary: 'bring the database of DATABASE_URL up to date',
  usage: 'orrery migrate',
  example: 'DATABASE_URL=postgres://localhost/orrery orrery migrate',
  options: {},
  positionals: NONE,
};

export const described: readonly Described[] = [dev, migrate, ...commands];

const rowsOf = (of: readonly Described[]): readonly string[] =>
  of.map(({ name, summary }) => `  ${name.padEnd(16)} ${summary}`);

export function overview(): string {
  return [
    'orrery COMMAND [options]',
    '',
    ...rowsOf(described),
    '',
    "'orrery COMMAND --help' tells the options of one; 'orrery --version' prints the version.",
    'Options of all: --output table|json|ndjson, --project NAME, --help',
    '',
  ].join('\n');
}

/** The commands that begin with a word: `runs`. */
export function groupHelp(word: string): string | undefined {
  const members = described.filter(({ name }) => name.startsWith(`${word} `));
  if (members.length === 0) return undefined;
  const last = `'orrery ${members[0]?.name ?? word} --help' tells the options of one.`;
  return [`orrery ${word} COMMAND [options]`, '', ...rowsOf(members), '', last, ''].join('\n');
}

const optionLines = (options: Options): readonly string[] =>
  Object.entries(options).map(([name, { short, value, help }]) => {
    const flag = `--${name}${value === undefined ? '' : ` ${value}`}`;
    const both = short === undefined ? flag : `${flag}, -${short}`;
    return `  ${both.padEnd(26)} ${help}`;
  });

export function helpOf(command: Described, common: Options): string {
  const own = optionLines(command.options);
  const blocks = [
    [command.summary],
    [`  ${command.usage}`],
    ...(own.length === 0 ? [] : [['Options', ...own]]),
    ['Options of all', ...optionLines(common)],
    ['Example', `  ${command.example}`],
  ];
  return `${blocks.map((block) => block.join('\n')).join('\n\n')}\n`;
}
