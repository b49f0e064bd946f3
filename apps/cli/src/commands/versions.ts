import { stringifyJson } from '#protocol';
import { type Context, ask } from '../context.js';
import { type Column, renderList, renderOne } from '../output/render.js';
import { CommandProblem, type UserError, absent, refuse } from '../problem.js';
import { type Change, changesBetween } from './changes.js';
import type { Command, Values } from './command.js';
import { textOf, wholeOf } from './values.js';

const VERSION_RANGE = [1, 999_999_999] as const;

const versionOf = (values: Values, name: string): number =>
  wholeOf(values, name, VERSION_RANGE) ?? 0;

const ROLLBACK = `mutation($input: RollbackJobInput!) {
  rollbackJob(input: $input) {
    changed job { name version } userErrors { code path message hint }
  }
}`;
const DELETE = `mutation($input: JobActionInput!) {
  deleteJob(input: $input) {
    job { name version deletedAt } userErrors { code path message hint }
  }
}`;
interface Payload {
  readonly changed?: boolean;
  readonly job: object | null;
  readonly userErrors: readonly UserError[];
}

const rollback: Command = {
  name: 'jobs rollback',
  summary: 'make a new version of a job that equals an earlier one',
  usage: 'orrery jobs rollback NAME --to N',
  example: 'orrery jobs rollback nightly --to 3',
  options: {
    to: { type: 'string', value: 'N', help: 'the version to go back to', required: true },
  },
  positionals: { required: 1, names: 'NAME' },
  async run(context, values, [name = '']) {
    const toVersion = versionOf(values, 'to');
    const input = { project: context.project, name, toVersion };
    const { rollbackJob } = await ask<{ rollbackJob: Payload }>(context, ROLLBACK, { input });
    refuse(rollbackJob.userErrors, { job: name });
    const { job, changed } = rollbackJob;
    context.terminal.out(renderOne({ ...job, changed }, context.format));
    return 0;
  },
};

const remove: Command = {
  name: 'jobs delete',
  summary: 'delete a job; its runs go on, and applied again it comes back',
  usage: 'orrery jobs delete NAME [--reason TEXT]',
  example: 'orrery jobs delete nightly',
  options: { reason: { type: 'string', value: 'TEXT', help: 'why; it stands in the log' } },
  positionals: { required: 1, names: 'NAME' },
  async run(context, values, [name = '']) {
    const reason = textOf(values, 'reason');
    const { project } = context;
    const input = { project, name, ...(reason === undefined ? {} : { reason }) };
    const { deleteJob } = await ask<{ deleteJob: Payload }>(context, DELETE, { input });
    refuse(deleteJob.userErrors, { job: name });
    context.terminal.out(renderOne({ ...deleteJob.job }, context.format));
    return 0;
  },
};

const VERSIONS = `query($project: String!, $name: String!, $after: Cursor) {
  job(project: $project, name: $name) {
    versions(first: 200, after: $after) {
      nodes { version spec } pageInfo { hasNextPage endCursor }
    }
  }
}`;
interface Versions {
  readonly job: {
    readonly versions: {
      readonly nodes: readonly { readonly version: number; readonly spec: unknown }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    };
  } | null;
}

/** Pages come newest first: they are read down to the older of the two. */
async function specsOf(
  context: Context,
  name: string,
  wanted: readonly number[],
): Promise<ReadonlyMap<number, unknown>> {
  const found = new Map<number, unknown>();
  let after: string | null = null;
  do {
    const { project } = context;
    const asked: Readonly<Record<string, unknown>> = { project, name, after };
    const { job } = await ask<Versions>(context, VERSIONS, asked);
    if (job === null) throw absent(`Job ${name} in ${project}`);
    const { nodes, pageInfo } = job.versions;
    for (const { version, spec } of nodes) if (wanted.includes(version)) found.set(version, spec);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null && wanted.some((version) => !found.has(version)));
  const missing = wanted.find((version) => !found.has(version));
  if (missing === undefined) return found;
  throw new CommandProblem(`Job ${name} has no version ${missing}.`);
}

/** As JSON, so that the text "null" is not taken for nothing. */
const shown = (value: unknown): unknown => (value === undefined ? null : stringifyJson(value));
const COLUMNS: readonly Column<Change>[] = [
  ['PATH', ({ path }) => path],
  ['FROM', ({ from }) => shown(from)],
  ['TO', ({ to }) => shown(to)],
];

const diff: Command = {
  name: 'jobs diff',
  summary: 'show what changed between two versions of a job',
  usage: 'orrery jobs diff NAME --from N --to M',
  example: 'orrery jobs diff nightly --from 3 --to 4',
  options: {
    from: { type: 'string', value: 'N', help: 'the version on the left', required: true },
    to: { type: 'string', value: 'M', help: 'the version on the right', required: true },
  },
  positionals: { required: 1, names: 'NAME' },
  async run(context, values, [name = '']) {
    const [from, to] = [versionOf(values, 'from'), versionOf(values, 'to')];
    const specs = await specsOf(context, name, [from, to]);
    const changes = changesBetween(specs.get(from), specs.get(to));
    context.terminal.out(renderList(changes, COLUMNS, context.format));
    return 0;
  },
};

export const versions: readonly Command[] = [rollback, diff, remove];
