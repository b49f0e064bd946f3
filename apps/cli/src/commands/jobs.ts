import fs from 'node:fs';
import path from 'node:path';
import { ask } from '../context.js';
import { type Column, renderList, renderOne } from '../output/render.js';
import { CommandProblem, type UserError, absent, misuse, refuse } from '../problem.js';
import { type Command, type Values } from './command.js';
import { jsonOf, textOf } from './values.js';

interface ListedJob {
  readonly name: string;
  readonly version: number;
  readonly paused: boolean;
  readonly spec: { readonly kind?: string };
}

const LIST = `query($project: String!) {
  jobs(project: $project, first: 200) { nodes { name version paused spec } }
}`;

const COLUMNS: readonly Column<ListedJob>[] = [
  ['NAME', (job) => job.name],
  ['KIND', (job) => job.spec.kind],
  ['VERSION', (job) => job.version],
  ['PAUSED', (job) => (job.paused ? 'yes' : '')],
];

const ls: Command = {
  name: 'jobs ls',
  summary: 'list the jobs of the project',
  usage: 'orrery jobs ls',
  example: 'orrery jobs ls --output json',
  options: {},
  positionals: { required: 0, names: '' },
  async run(context) {
    const { project } = context;
    const { jobs } = await ask<{ jobs: { nodes: ListedJob[] } }>(context, LIST, { project });
    context.terminal.out(renderList(jobs.nodes, COLUMNS, context.format));
    return 0;
  },
};

const GET = `query($project: String!, $name: String!) {
  job(project: $project, name: $name) { id name version paused description labels spec }
}`;

const get: Command = {
  name: 'jobs get',
  summary: 'show one job',
  usage: 'orrery jobs get NAME',
  example: 'orrery jobs get hello-shell --output json',
  options: {},
  positionals: { required: 1, names: 'NAME' },
  async run(context, _values, [name = '']) {
    const { project } = context;
    const { job } = await ask<{ job: object | null }>(context, GET, { project, name });
    if (job === null) throw absent(`Job ${name} in ${project}`);
    context.terminal.out(renderOne(job, context.format));
    return 0;
  },
};

const APPLY = `mutation($input: ApplyJobInput!) {
  applyJob(input: $input) {
    changed job { name version } userErrors { code path message hint }
  }
}`;

const FILE_NAME = /\.json$|[/\\]/;

/** The text of the specification, from the one place that was named. */
function specIn(values: Values, [name = '', file]: readonly string[]): string {
  const [option, spec] = [textOf(values, 'file'), textOf(values, 'spec')];
  const places = [file, option, spec].filter((place) => place !== undefined);
  if (places.length > 1) throw misuse('The specification is given twice: give FILE, or --spec.');
  const isFile = FILE_NAME.test(name);
  if (isFile && places.length === 0) {
    const job = path.basename(name, '.json');
    throw misuse(`Say the NAME of the job as well: orrery jobs apply ${job} ${name}`);
  }
  if (places.length === 0) {
    throw misuse(`Give the specification by FILE or --spec. For example: ${apply.example}`);
  }
  return spec ?? readSpec(file ?? option ?? '');
}

const apply: Command = {
  name: 'jobs apply',
  summary: 'create or change a job from a JSON file',
  usage: 'orrery jobs apply NAME (FILE | --file FILE | --spec JSON)',
  example: `orrery jobs apply nightly --spec '{"kind":"shell","command":"make report"}'`,
  more: 'FILE holds the specification (docs/jobs.md); - is the standard input.',
  options: {
    file: { type: 'string', value: 'FILE', help: 'a file with the specification; - is the input' },
    spec: { type: 'string', value: 'JSON', help: 'the specification itself' },
  },
  positionals: { required: 1, most: 2, names: 'NAME' },
  async run(context, values, words) {
    const [name = ''] = words;
    const spec = jsonOf(specIn(values, words), 'The specification');
    const { applyJob } = await ask<{
      applyJob: { changed: boolean; job: object | null; userErrors: UserError[] };
    }>(context, APPLY, { input: { project: context.project, name, spec } });
    refuse(applyJob.userErrors, { job: name });
    const { job, changed } = applyJob;
    context.terminal.out(renderOne({ ...job, changed }, context.format));
    return 0;
  },
};

function readSpec(file: string): string {
  try {
    return fs.readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandProblem(`The file ${file} cannot be read: ${why}`);
  }
}

export const jobs: readonly Command[] = [apply, ls, get];
