import { described } from './all.js';
import type { Described, Options } from './command.js';
import { commonOf } from './options.js';

const rowsOf = (of: readonly Described[]): readonly string[] =>
  of.map(({ name, summary }) => `  ${name.padEnd(16)} ${summary}`);

const EXIT_CODES = [
  '  0 done; 1 refused, failed, or nobody to ask; 2 typed wrong; 70 a defect of ours;',
  '  124 a time for waiting was over; 130 after Ctrl-C',
];

export function overview(): string {
  return [
    'orrery COMMAND [options]',
    '',
    ...rowsOf(described),
    '',
    "'orrery help COMMAND' tells all of one; 'orrery --version' prints the version.",
    'Options of all that ask a server: --output table|json|ndjson, --project NAME,',
    '--profile NAME, --help. With json or ndjson what goes wrong is JSON as well, on the standard',
    'error: {"error": {"code", "message", "hint", "path"}}, and {"notice"} for what is only said.',
    '',
    'Exit codes',
    ...EXIT_CODES,
    '',
  ].join('\n');
}

/** The commands that begin with a word: `runs`. */
export function groupHelp(word: string): string | undefined {
  const members = described.filter(({ name }) => name.startsWith(`${word} `));
  if (members.length === 0) return undefined;
  const last = `'orrery help ${members[0]?.name ?? word}' tells all of one.`;
  return [`orrery ${word} COMMAND [options]`, '', ...rowsOf(members), '', last, ''].join('\n');
}

const optionLines = (options: Options): readonly string[] =>
  Object.entries(options).flatMap(([name, { short, value, help, oneOf = [], required }]) => {
    const flag = `--${name}${value === undefined ? '' : ` ${value}`}`;
    const both = short === undefined ? flag : `${flag}, -${short}`;
    const needed = required === true ? ' (required)' : '';
    const isTold = /^\d/.test(value ?? '') || oneOf.every((each) => help.includes(each));
    const values = isTold ? [] : wrapped(oneOf.join(', ')).map((line) => `      ${line}`);
    return [`  ${both.padEnd(26)} ${help}${needed}`, ...values];
  });

const WIDTH = 78;

/** Lines of whole words. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH)
      lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines;
}

export function helpOf(command: Described): string {
  const own = optionLines(command.options);
  const { more } = command;
  const blocks = [
    [command.summary],
    [`  ${command.usage}`],
    ...(more === undefined ? [] : [wrapped(more)]),
    ...(own.length === 0 ? [] : [['Options', ...own]]),
    ['Options of all', ...optionLines(commonOf(command))],
    ['Example', `  ${command.example}`],
    ['Exit code', ...EXIT_CODES],
  ];
  return `${blocks.map((block) => block.join('\n')).join('\n\n')}\n`;
}
