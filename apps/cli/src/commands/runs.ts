import { ask, change, tell } from '../context.js';
import { type Column, renderList, renderOne } from '../output/render.js';
import { type Waiter, waitsInWords } from '../words.js';
import { type UserError, absent, refuse } from '../problem.js';
import { type Command } from './command.js';
import { FILTER, filterOf } from './filter.js';
import { logs } from './logs.js';
import { type Changed, PAUSED, type Paused, pausedText, unchangedText } from './paused.js';
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
  readonly paused: Omit<Paused, 'at'> | null;
}

const LIST = `query($project: String!, $filter: RunFilter, $first: Int) {
  runs(project: $project, filter: $filter, first: $first) {
    nodes { id state job { name } kind priority submittedAt finishedAt reason
      paused { how by reason byJob } }
  }
}`;

const COLUMNS: readonly Column<ListedRun>[] = [
  ['ID', (run) => run.id],
  ['STATE', (run) => run.state],
  ['JOB', (run) => run.job?.name ?? `(${run.kind.toLowerCase()})`],
  ['PRIORITY', (run) => run.priority],
  ['SUBMITTED', (run) => run.submittedAt],
  ['REASON', ({ paused, reason }) => (paused ? pausedText(paused) : (reason ?? ''))],
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
    reusedFrom { id state } retryOf { id state } discarded { at by reason } ${PAUSED}
    retriedAs { id state } retries { id state }
    error { class message code } waitingFor { kind text hint }
    attempts {
      number outcome exitCode signal grantedAt startedAt finishedAt cpuTime memoryPeakBytes
      error { message }
    }
  }
}`;

interface Other {
  readonly id: string;
  readonly state: string;
}
interface GottenRun extends Waiter {
  readonly paused: Paused | null;
  readonly retriedAs: Other | null;
  readonly retries: readonly Other[];
}

/** For a person: who has paused it, and what was made of it. */
function inLines({ paused, retriedAs, retries }: GottenRun): object {
  const said = ({ id, state }: Other): string => `${id} (${state})`;
  return {
    paused: paused && pausedText(paused),
    retriedAs: retriedAs && said(retriedAs),
    retries: retries.map(said).join(', ') || null,
  };
}

const get: Command = {
  name: 'runs get',
  summary: 'show one run',
  usage: 'orrery runs get ID',
  example: 'orrery runs get 0193a1b2-… --output json',
  options: {},
  positionals: { required: 1, names: 'ID' },
  async run(context, _values, [id = '']) {
    const { run } = await ask<{ run: GottenRun | null }>(context, GET, { id });
    if (run === null) throw absent(`Run ${id}`);
    const told = { ...run, waitingFor: waitsInWords(run) };
    const shown = context.format === 'table' ? { ...told, ...inLines(run) } : told;
    context.terminal.out(renderOne(shown, context.format));
    return 0;
  },
};

const CANCEL = `mutation($input: RunActionInput!) {
  cancelRun(input: $input) {
    pending changed run { id state } userErrors { code path message hint }
  }
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
      cancelRun: Changed & { userErrors: UserError[] };
    }>(context, CANCEL, input);
    refuse(cancelRun.userErrors, { id });
    const { run, pending, changed } = cancelRun;
    if (!pending && !changed) tell(context, unchangedText(id, run));
    context.terminal.out(renderOne({ ...run, pending, changed }, context.format));
    return 0;
  },
};

export const runs: readonly Command[] = [ls, get, wait, watch, logs, cancel];
