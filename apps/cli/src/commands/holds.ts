import { ask } from '../context.js';
import { type Column, renderList, renderOne } from '../output/render.js';
import { type UserError, absent, refuse } from '../problem.js';
import { type Command } from './command.js';
import { textOf } from './values.js';

interface Payload {
  readonly changed: boolean;
  readonly pending: boolean;
  readonly job: object | null;
  readonly userErrors: readonly UserError[];
}

const mutationOf = (field: string): string => `mutation($input: JobActionInput!) {
  ${field}(input: $input) {
    changed pending job { name paused pausedBy pausedReason }
    userErrors { code path message hint }
  }
}`;

function holding(verb: 'pause' | 'resume', summary: string, example: string): Command {
  const field = `${verb}Job` as const;
  return {
    name: `jobs ${verb}`,
    summary,
    usage: `orrery jobs ${verb} NAME [--reason TEXT]`,
    example,
    options: { reason: { type: 'string', value: 'TEXT', help: 'why, for those who look later' } },
    positionals: { required: 1, names: 'NAME' },
    async run(context, values, [name = '']) {
      const reason = textOf(values, 'reason');
      const { project } = context;
      const input = { project, name, ...(reason === undefined ? {} : { reason }) };
      const done = await ask<Record<string, Payload>>(context, mutationOf(field), { input });
      const { userErrors = [], job, changed, pending } = done[field] ?? {};
      refuse(userErrors, { job: name });
      context.terminal.out(renderOne({ ...job, changed, pending }, context.format));
      return 0;
    },
  };
}

const pause = holding(
  'pause',
  'keep the runs of a job from starting; what runs goes on',
  "orrery jobs pause nightly --reason 'the disk is full'",
);
const resume = holding(
  'resume',
  'let the runs of a paused job start again, in their order',
  'orrery jobs resume nightly',
);

const VALUES = `query($project: String!, $name: String!) {
  job(project: $project, name: $name) { effective { name value from } }
}`;
interface EffectiveValue {
  readonly name: string;
  readonly value: unknown;
  readonly from: string;
}
const COLUMNS: readonly Column<EffectiveValue>[] = [
  ['NAME', ({ name }) => name],
  ['VALUE', ({ value }) => value],
  ['FROM', ({ from }) => from],
];

/** For a person: what is made of several fields has a row for each, by their names. */
function rowsOf(row: EffectiveValue): readonly EffectiveValue[] {
  const { name, value, from } = row;
  if (typeof value !== 'object' || value === null) return [row];
  return Object.entries(value).map(([field, each]) => ({
    name: `${name}.${field}`,
    value: isRule(each) ? ruleText(each) : each,
    from,
  }));
}

interface Rule {
  readonly when: Readonly<Record<string, readonly (string | number)[]>>;
  readonly then: string | { readonly delay: string };
}
const isRule = (value: unknown): value is Rule =>
  typeof value === 'object' && value !== null && 'when' in value && 'then' in value;

/** `exitCodes 42 or 43, outcomes FAILED: RETRY after 30s` */
function ruleText({ when, then }: Rule): string {
  const all = Object.entries(when).map(([field, any]) => `${field} ${any.join(' or ')}`);
  const what = typeof then === 'string' ? then : `RETRY after ${then.delay}`;
  return `${all.join(', ') || 'always'}: ${what}`;
}

const values: Command = {
  name: 'jobs values',
  summary: 'show what the runs of a job go by, and where each value comes from',
  usage: 'orrery jobs values NAME',
  example: 'orrery jobs values nightly',
  options: {},
  positionals: { required: 1, names: 'NAME' },
  async run(context, _values, [name = '']) {
    const { project } = context;
    const asked = { project, name };
    type Found = { readonly job: { readonly effective: readonly EffectiveValue[] } | null };
    const { job } = await ask<Found>(context, VALUES, asked);
    if (job === null) throw absent(`Job ${name} in ${project}`);
    const { terminal, format } = context;
    const shown = format === 'table' ? job.effective.flatMap(rowsOf) : job.effective;
    terminal.out(renderList(shown, COLUMNS, format));
    return 0;
  },
};

export const holds: readonly Command[] = [pause, resume, values];
