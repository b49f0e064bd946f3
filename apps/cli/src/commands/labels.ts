import { type Option, type Values } from './command.js';
import { misuse } from '../problem.js';
import { jsonOf } from './values.js';

/** `--labels team=data --labels env=prod`, `--labels team=data,env=prod`, or as JSON. */
export const LABELS = (help: string): { readonly labels: Option } => ({
  labels: { type: 'string', multiple: true, value: 'NAME=TEXT', help },
});

/** All that were given, the last of a name; a text with a comma in it is written as JSON. */
export function labelsOf(values: Values): Readonly<Record<string, unknown>> | undefined {
  const texts = [values['labels']].flat().filter((each) => typeof each === 'string');
  if (texts.length === 0) return undefined;
  return Object.assign({}, ...texts.map(readLabels)) as Readonly<Record<string, unknown>>;
}

function readLabels(text: string): object {
  if (text.trim().startsWith('{')) return jsonOf(text, '--labels') as object;
  return Object.fromEntries(
    text.split(',').map((each) => {
      const [, name, value] = /^\s*([^=\s][^=]*)=(.*)$/s.exec(each) ?? [];
      if (name !== undefined && value !== undefined) return [name, value];
      const like = 'like team=data, repeated or parted by commas, or JSON like \'{"team":"data"}\'';
      throw misuse(`--labels is ${like}; '${each}' is none.`);
    }),
  );
}
