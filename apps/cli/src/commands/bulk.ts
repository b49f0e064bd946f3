import { type Context, ask, change, tell } from '../context.js';
import { type Column, renderList, renderOne } from '../output/render.js';
import { CommandProblem, type UserError, misuse, refuse } from '../problem.js';
import { bulkGet, exitOf, followBulk, goesOn } from './bulk-progress.js';
import { type Command, type Options, type Values } from './command.js';
import { FILTER, filterOf } from './filter.js';
import { PRIORITIES, REASON, durationOf, given, textOf, wholeOf, wordOf } from './values.js';
import { WITHIN } from './wait.js';

const BULK = `mutation($input: BulkRunsInput!) {
  bulkRuns(input: $input) { id matched applied pending userErrors { code path message hint } }
}`;
interface Answer {
  readonly bulkRuns: {
    readonly id: string | null;
    readonly matched: number;
    readonly applied: number;
    readonly pending: boolean;
    readonly userErrors: readonly UserError[];
  };
}
const ACTIONS = ['CANCEL', 'RETRY', 'DISCARD', 'REPRIORITIZE', 'PAUSE', 'RESUME'] as const;

const DEED = {
  'dry-run': { type: 'boolean', help: 'only count them' },
  'per-second': { type: 'string', value: 'N', help: 'no more than so many a second; else gently' },
  ...REASON,
  'idempotency-key': { type: 'string', value: 'KEY', help: 'a repeat is the same one' },
  'no-wait': { type: 'boolean', help: 'do not wait for its end' },
  ...WITHIN,
} as const satisfies Options;

/** A dead letter is in one state. */
const { state: _, ...DEAD_FILTER } = FILTER;

async function apply(
  context: Context,
  action: string,
  values: Values,
  filter: Readonly<Record<string, unknown>>,
): Promise<number> {
  const optional = {
    priority: wholeOf(values, 'priority', [1, 10]),
    perSecond: wholeOf(values, 'per-second', [1, 10_000]),
    reason: textOf(values, 'reason'),
    idempotencyKey: textOf(values, 'idempotency-key'),
  };
  const dryRun = values['dry-run'] === true;
  const withinMs = durationOf(values, 'timeout');
  const { project } = context;
  const input = { project, action, dryRun, filter, ...given(optional) };
  const { bulkRuns } = await change<Answer>(context, BULK, input, { isKeyed: true });
  const errors = bulkRuns.userErrors.filter(
    ({ code }) => values['ignore-missing'] !== true || code !== 'NOT_FOUND',
  );
  const { id, matched, applied, pending } = bulkRuns;
  // Some of many may be refused alone: the rest goes on, and is told first.
  if (matched === 0) {
    refuse(errors);
    sayNothing(context, values);
  }
  const followed =
    id !== null && pending && values['no-wait'] !== true
      ? await followBulk(context, { id, mustAnswer: false, withinMs })
      : undefined;
  const end = followed?.stopped === undefined ? followed?.value : undefined;
  const now = end ?? { applied };
  const shown = { id, matched, applied: now.applied, pending: pending && end === undefined };
  context.terminal.out(renderOne(shown, context.format));
  refuse(errors);
  if (id !== null && followed !== undefined) return exitOf(context, followed, id);
  if (id !== null && pending) tell(context, goesOn(id));
  return 0;
}

/** Who names a run means that it is there; a filter may well match none. */
function sayNothing(context: Context, values: Values): void {
  if (values['ignore-missing'] === true) return;
  if (values['id'] === undefined) return tell(context, 'nothing matched');
  const [id] = idsOf(values);
  throw new CommandProblem(
    `nothing matched: ${id} is no dead letter here, or is discarded. See orrery runs get ${id}.`,
    1,
    [{ code: 'NOTHING_MATCHED', message: 'nothing matched' }],
  );
}

const idsOf = (values: Values): readonly string[] =>
  [values['id']].flat().filter((id) => typeof id === 'string');

const bulk: Command = {
  name: 'runs bulk',
  summary: 'do the same to every run that a filter matches',
  usage: `orrery runs bulk ${ACTIONS.join('|')} [options]`,
  example: 'orrery runs bulk CANCEL --job report --dry-run',
  options: {
    ...FILTER,
    ...DEED,
    priority: {
      type: 'string',
      value: '1-10',
      oneOf: PRIORITIES,
      help: 'for REPRIORITIZE: 1 is first',
    },
  },
  positionals: { required: 1, names: 'ACTION', oneOf: ACTIONS },
  async run(context, values, [word = '']) {
    const action = wordOf(word, 'ACTION', ACTIONS);
    const filter = filterOf(values);
    // Everything there is, by a slip of the fingers, is nobody's wish.
    if (Object.keys(filter).length === 0) {
      throw misuse('Say which runs: --state, --job, --labels, --since or --before.');
    }
    return await apply(context, action, values, filter);
  },
};

interface Dead {
  readonly id: string;
  readonly job: { readonly name: string } | null;
  readonly kind: string;
  readonly outcome: string | null;
  readonly finishedAt: string | null;
  readonly reason: string | null;
}
const DEAD = `query($project: String!, $filter: RunFilter, $first: Int) {
  runs(project: $project, filter: $filter, first: $first) {
    nodes { id job { name } kind outcome finishedAt reason }
  }
}`;
const COLUMNS: readonly Column<Dead>[] = [
  ['ID', (run) => run.id],
  ['JOB', (run) => run.job?.name ?? `(${run.kind.toLowerCase()})`],
  ['OUTCOME', (run) => run.outcome ?? ''],
  ['FINISHED', (run) => run.finishedAt ?? ''],
  ['REASON', (run) => run.reason ?? ''],
];

const deadLs: Command = {
  name: 'dead ls',
  summary: 'list dead letters: runs that used up their attempts',
  usage: 'orrery dead ls [--job NAME] [--labels NAME=TEXT] [--since TIME] [options]',
  example: 'orrery dead ls --job report',
  options: {
    ...DEAD_FILTER,
    limit: { type: 'string', default: '20', value: 'N', help: '1 to 200 of them; else 20' },
    discarded: { type: 'boolean', help: 'those that were discarded' },
  },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const filter = { ...filterOf(values, ['DEAD']), discarded: values['discarded'] === true };
    const first = wholeOf(values, 'limit', [1, 200]) ?? 20;
    const asked = { project: context.project, filter, first };
    const { runs } = await ask<{ runs: { nodes: Dead[] } }>(context, DEAD, asked);
    context.terminal.out(renderList(runs.nodes, COLUMNS, context.format));
    return 0;
  },
};

function deadDeed(verb: 'retry' | 'discard', summary: string, example: string): Command {
  return {
    name: `dead ${verb}`,
    summary,
    usage: `orrery dead ${verb} (--id ID | --job NAME | --labels NAME=TEXT | --all) [options]`,
    example,
    options: {
      id: { type: 'string', multiple: true, value: 'ID', help: 'only this one; may be repeated' },
      ...DEAD_FILTER,
      all: { type: 'boolean', help: 'every dead letter of the project' },
      'ignore-missing': { type: 'boolean', help: 'exit with 0 also if no such id is there' },
      ...DEED,
    },
    positionals: { required: 0, names: '' },
    async run(context, values) {
      const ids = idsOf(values);
      const dead = filterOf(values, ['DEAD']);
      const filter = ids.length === 0 ? dead : { ...dead, ids };
      if (Object.keys(filter).length === 1 && values['all'] !== true) {
        throw misuse('Say which: --id, --job, --labels, --since, --before, or --all of them.');
      }
      return await apply(context, verb.toUpperCase(), values, filter);
    },
  };
}

const deadRetry = deadDeed(
  'retry',
  'run dead letters again',
  'orrery dead retry --job report --per-second 100',
);
const deadDiscard = deadDeed(
  'discard',
  'take dead letters from the list; they stay as they are',
  "orrery dead discard --job report --reason 'a known fault'",
);

export const bulks: readonly Command[] = [bulk, bulkGet, deadLs, deadRetry, deadDiscard];
