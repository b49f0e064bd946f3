import { type Described, type LocalCommand } from './command.js';
import { misuse } from '../problem.js';
import { commonOf } from './options.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

interface Completed {
  readonly name: string;
  readonly flags: readonly { readonly name: string; readonly help: string }[];
  /** Of a flag, what it may be. */
  readonly values: readonly (readonly [flag: string, values: readonly string[]])[];
  readonly words: readonly string[];
}

function completedOf(one: Described): Completed {
  const options = Object.entries({ ...one.options, ...commonOf(one) });
  return {
    name: one.name,
    flags: options.map(([name, { help }]) => ({ name, help })),
    values: options.flatMap(([name, { oneOf }]) => (oneOf === undefined ? [] : [[name, oneOf]])),
    words: one.positionals.oneOf ?? [],
  };
}

const unique = (words: readonly string[]): string[] => [...new Set(words)];
const firstsOf = (all: readonly Completed[]): string[] =>
  unique([...all.map(({ name }) => name.split(' ')[0] ?? ''), 'help']);
/** Of each group what follows its word. */
function groupsOf(all: readonly Completed[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { name } of all) {
    const [group = '', second] = name.split(' ');
    if (second !== undefined) groups.set(group, [...(groups.get(group) ?? []), second]);
  }
  return groups;
}

/** What bash and zsh share: `first`, `second`, `before` and `at` are set; it sets `list`. */
function body(all: readonly Completed[]): string[] {
  const arm = (pattern: string, list: readonly string[]): string =>
    `    '${pattern}') list='${list.join(' ')}' ;;`;
  return [
    '  local list="" verb="$first $second"',
    '  case "$first" in',
    ...all
      .filter(({ name }) => !name.includes(' '))
      .map(({ name }) => `    '${name}') verb='${name}' ;;`),
    '  esac',
    '  if [ "$at" -eq 1 ]; then',
    `    list='${firstsOf(all).join(' ')}'`,
    '  elif [ "$at" -eq 2 ] && [ "$verb" != "$first" ]; then',
    '    case "$first" in',
    ...[...groupsOf(all)].map(([group, seconds]) => `  ${arm(group, seconds)}`),
    `  ${arm('help', firstsOf(all))}`,
    '    esac',
    '  else',
    '  case "$verb" in',
    ...all.map(({ name, flags, words }) => {
      return arm(name, [...flags.map((flag) => `--${flag.name}`), ...words]);
    }),
    '  esac',
    '  case "$verb $before" in',
    ...all.flatMap(({ name, values }) =>
      values.map(([flag, oneOf]) => arm(`${name} --${flag}`, oneOf)),
    ),
    '  esac',
    '  fi',
  ];
}

const bash = (all: readonly Completed[]): string[] => [
  '_orrery() {',
  '  local at=$COMP_CWORD first="${COMP_WORDS[1]}" second="${COMP_WORDS[2]}"',
  '  local before="${COMP_WORDS[COMP_CWORD-1]}"',
  ...body(all),
  '  COMPREPLY=($(compgen -W "$list" -- "${COMP_WORDS[COMP_CWORD]}"))',
  '}',
  'complete -o default -F _orrery orrery',
];

const zsh = (all: readonly Completed[]): string[] => [
  '#compdef orrery',
  '_orrery() {',
  '  local at=$((CURRENT - 1)) first="$words[2]" second="$words[3]" before="$words[CURRENT-1]"',
  ...body(all),
  '  compadd -- ${=list}',
  '}',
  'compdef _orrery orrery',
];

const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, (char) => `\\${char}`)}'`;

function fish(all: readonly Completed[]): string[] {
  const line = (condition: string, what: string): string =>
    `complete -c orrery -f -n ${quoted(condition)} ${what}`;
  const offered = (words: readonly string[]): string => `-a ${quoted(words.join(' '))}`;
  return [
    'function __orrery_has',
    '  set -l given (commandline -opc)',
    '  test "$given[2..-1]" = "$argv"; or string match -q -- "$argv *" "$given[2..-1]"',
    'end',
    'function __orrery_is',
    '  set -l given (commandline -opc)',
    '  test "$given[2..-1]" = "$argv"',
    'end',
    line('__orrery_is', offered(firstsOf(all))),
    ...[...groupsOf(all)].map(([group, words]) => line(`__orrery_is ${group}`, offered(words))),
    ...all.flatMap(({ name, flags, values, words }) => [
      ...(words.length === 0 ? [] : [line(`__orrery_is ${name}`, offered(words))]),
      ...flags.map((flag) => {
        const oneOf = values.find(([of]) => of === flag.name)?.[1];
        const more = oneOf === undefined ? '' : ` -x ${offered(oneOf)}`;
        return line(`__orrery_has ${name}`, `-l ${flag.name} -d ${quoted(flag.help)}${more}`);
      }),
    ]),
  ];
}

const WRITERS = { bash, zsh, fish } as const;

export const completionOf = (described: () => readonly Described[]): LocalCommand => ({
  name: 'completion',
  summary: 'print what lets a shell complete verbs, options and their values',
  usage: `orrery completion ${SHELLS.join('|')}`,
  example: 'orrery completion bash >> ~/.bashrc',
  options: {},
  positionals: { required: 1, names: SHELLS.join('|'), oneOf: SHELLS },
  isWordy: true,
  async start({ terminal }, _values, [word = '']) {
    const shell = SHELLS.find((each) => each === word);
    if (shell === undefined) throw misuse(`'${word}' is none of ${SHELLS.join(', ')}.`);
    terminal.out(`${WRITERS[shell](described().map(completedOf)).join('\n')}\n`);
    return await Promise.resolve(0);
  },
});
