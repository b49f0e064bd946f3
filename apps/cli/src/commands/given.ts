import { misuse } from '../problem.js';
import { type Described, type Values } from './command.js';

const listed = (all: readonly string[]): string =>
  all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;

/** Everything that is missing is said at once, with a line that has it all. */
export function checkGiven(
  { name, usage, example, options, positionals }: Described,
  values: Values,
  words: readonly string[],
): void {
  const { required, most = required, names } = positionals;
  if (words.length > most) {
    const what = most === 0 ? 'no further words' : names;
    throw misuse(`'${name}' takes ${what}: ${usage}`);
  }
  const absent = Object.entries(options)
    .filter(([option, { required: isNeeded }]) => isNeeded && values[option] === undefined)
    .map(([option, { value = '' }]) => `--${option} ${value}`);
  const missing = [...(words.length < required ? [names] : []), ...absent];
  if (missing.length === 0) return;
  const verb = missing.length === 1 ? 'is' : 'are';
  throw misuse(
    `'${name}' takes ${listed(missing)}, which ${verb} missing. For example: ${example}`,
  );
}
