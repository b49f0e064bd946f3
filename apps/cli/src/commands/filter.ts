import type { Options, Values } from './command.js';
import { LABELS, labelsOf } from './labels.js';
import { placeIn } from '../words.js';
import { STATES, given, pastOf, statesOf, textOf } from './values.js';

/** Which runs are meant. */
export const FILTER = {
  state: {
    type: 'string',
    value: 'STATE',
    oneOf: STATES,
    help: 'only these: DEAD, or DEAD,EXPIRED',
  },
  job: { type: 'string', value: 'NAME', help: 'only runs of this job' },
  ...LABELS('only with these: team=data, or team=data,env=prod'),
  paused: { type: 'boolean', help: 'only what is PAUSED, or frozen while it is RUNNING' },
  since: {
    type: 'string',
    value: 'TIME',
    help: 'only submitted after 2030-01-31T12:00:00Z, or in the last 2h',
  },
  before: {
    type: 'string',
    value: 'TIME',
    help: 'only submitted before 2030-01-31T12:00:00Z, or 2h ago',
  },
} as const satisfies Options;

export function filterOf(
  values: Values,
  states = statesOf(values),
): Readonly<Record<string, unknown>> {
  const job = textOf(values, 'job');
  return given({
    states,
    jobs: job === undefined ? undefined : [job],
    labels: labelsOf(values),
    paused: values['paused'] === true ? true : undefined,
    submittedAfter: pastOf(values, 'since'),
    submittedBefore: pastOf(values, 'before'),
  });
}

/** What was asked of a server, as the options that ask for it. */
export const asOptions = (filter: Readonly<Record<string, unknown>>): string =>
  Object.entries(filter)
    .map(([name, value]) =>
      value === true ? placeIn([name]) : `${placeIn([name])} ${flat(value)}`,
    )
    .join(' ');

/** `DEAD,EXPIRED`, or `team=data,env=prod`. */
function flat(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, text]) => `${name}=${String(text)}`)
    .join(',');
}
