import { OUTPUT_FORMATS } from '../output/render.js';
import type { Described, Options } from './command.js';
import { commands } from './table.js';

const HELP: Options = {
  help: { type: 'boolean', short: 'h', help: 'print this and do nothing else' },
};
const OUTPUT: Options = {
  output: {
    type: 'string',
    default: 'table',
    value: 'FORMAT',
    oneOf: OUTPUT_FORMATS,
    help: 'table, json or ndjson; else table',
  },
};
const SERVER: Options = {
  project: { type: 'string', value: 'NAME', help: "the project; else the profile's, or demo" },
  profile: { type: 'string', value: 'NAME', help: 'whom to ask: see orrery login --help' },
};
/** Every option that is not of one command alone. */
export const COMMON: Options = { ...OUTPUT, ...SERVER, ...HELP };

/** What a command takes beside its own options. */
export function commonOf(one: Described): Options {
  const isRemote = commands.some(({ name }) => name === one.name);
  return {
    ...(one.isWordy === true ? {} : OUTPUT),
    ...(isRemote ? SERVER : {}),
    ...HELP,
  };
}
