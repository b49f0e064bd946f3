import { ask, change } from '../context.js';
import { type Column, renderList, renderOne } from '../output/render.js';
import { type Waiter, waitsInWords } from '../words.js';
import { CommandProblem, type UserError, refuse } from '../problem.js';
import { type Command } from './command.js';
import { FILTER, filterOf } from './filter.js';
import { logs } from './logs.js';
import { wait } from './outcome.js';
import { REASON, durationTextOf, textOf, wholeOf } from './values.js';
import { watch } from './watch.js';

interface ListedRun {
  readonly id: string;
  readonly state: string;
  readonly job: { readonly name: string } | null;
  readonly kind: string;
  readonly priority: number;
  readonly submittedAt: string;
  readonly finishedAt: string | null;
  readonly reason: string | null;
}

const LIST = `query($project: String!, $filter: RunFilter, $first: Int) {
  runs(project: $project, filter: $filter, first: $first) {
    nodes { id state job { name } kind priority submittedAt finishedAt reason }
  }
}`;

const COLUMNS: readonly Column<ListedRun>[] = [
  ['ID', (run) => run.id],
  ['STATE', (run) => run.state],
  ['JOB', (run) => run.job?.name ?? `(${run.kind.toLowerCase()})`],
  ['PRIORITY', (run) => run.priority],
  ['SUBMITTED', (run) => run.submittedAt],
  ['REASON', (run) => run.reason ?? ''],
];

const ls: Command = {
  name: 'runs ls',
  summary: 'list the newest runs',
  usage:
    'orrery runs ls [--state STATE] [--job NAME] [--labels NAME=TEXT] [--since TIME] [options]',
  example: 'orrery runs ls --state DEAD --output ndjson',
  options: {
    ...FILTER,
    limit: { type: 'string', default: '20', value: 'N', help: '1 to 200 of them; else 20' },
  },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const first = wholeOf(values, 'limit', [1, 200]) ?? 20;
    const asked = { filter: filterOf(values), first, project: context.project };
    const { runs } = await ask<{ runs: { nodes: ListedRun[] } }>(context, LIST, asked);
    context.terminal.out(renderList(runs.nodes, COLUMNS, context.format));
    return 0;
  },
};

const GET = `query($id: ID!) {
  run(id: $id) {
    id state outcome reason kind priority job { name } jobVersion params result labels
    submittedAt scheduledFor readyAt startedAt finishedAt queueTime runTime
    reusedFrom { id state } retryOf { id state } discarded { at by reason }
    error { class message code } waitingFor { kind text hint }
    attempts {
      number outcome exitCode signal grantedAt startedAt finishedAt cpuTime memoryPeakBytes
      error { message }
    }
  }
}`;

const get: Command = {
  name: 'runs get',
  summary: 'show one run',
  usage: 'orrery runs get ID',
  example: 'orrery runs get 0193a1b2-… --output json',
  options: {},
  positionals: { required: 1, names: 'ID' },
  async run(context, _values, [id = '']) {
    const { run } = await ask<{ run: Waiter | null }>(context, GET, { id });
    if (run === null) throw new CommandProblem(`There is no run ${id}.`);
    const told = { ...run, waitingFor: waitsInWords(run) };
    context.terminal.out(renderOne(told, context.format));
    return 0;
  },
};

const CANCEL = `mutation($input: RunActionInput!) {
  cancelRun(input: $input) { pending run { id state } userErrors { code path message hint } }
}`;

const cancel: Command = {
  name: 'runs cancel',
  summary: 'cancel a run',
  usage: 'orrery runs cancel ID [--reason TEXT] [--grace DURATION] [--force]',
  example: "orrery runs cancel 0193a1b2-… --reason 'wrong input'",
  options: {
    ...REASON,
    grace: { type: 'string', value: 'DURATION', help: 'how long before it is killed: 3s' },
    force: { type: 'boolean', help: 'do not wait for an executor that is away' },
  },
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const reason = textOf(values, 'reason');
    const grace = durationTextOf(values, 'grace');
    const input = {
      id,
      force: values['force'] === true,
      ...(reason === undefined ? {} : { reason }),
      ...(grace === undefined ? {} : { grace }),
    };
    const { cancelRun } = await change<{
      cancelRun: { pending: boolean; run: object | null; userErrors: UserError[] };
    }>(context, CANCEL, input);
    refuse(cancelRun.userErrors, { id });
    const { run, pending } = cancelRun;
    context.terminal.out(renderOne({ ...run, pending }, context.format));
    return 0;
  },
};

export const runs: readonly Command[] = [ls, get, wait, watch, logs, cancel];
