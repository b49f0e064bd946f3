import { CommandProblem, type UserError, ask, change, refuse } from '../context.js';
import { type Column, renderList, renderOne } from '../output/render.js';
import { type Command, STATES, textOf, wholeOf } from './command.js';
import { followLog, logOf, printLog } from './log.js';
import { INTERRUPTED, isFinalState, statesOf, untilInterrupted } from './wait.js';

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
  usage: 'orrery runs ls [--state STATE] [--job NAME] [--limit N]',
  example: 'orrery runs ls --state DEAD --output ndjson',
  options: {
    state: {
      type: 'string',
      value: 'STATE',
      oneOf: STATES,
      help: 'only these: DEAD, or DEAD,EXPIRED',
    },
    job: { type: 'string', value: 'NAME', help: 'only runs of this job' },
    limit: { type: 'string', default: '20', value: 'N', help: '1 to 200 of them; else 20' },
  },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const first = wholeOf(values, 'limit', [1, 200]) ?? 20;
    const state = textOf(values, 'state');
    const job = textOf(values, 'job');
    const filter = {
      ...(state === undefined ? {} : { states: state.toUpperCase().split(',') }),
      ...(job === undefined ? {} : { jobs: [job] }),
    };
    const { runs } = await ask<{ runs: { nodes: ListedRun[] } }>(context, LIST, {
      project: context.project,
      filter,
      first,
    });
    context.terminal.out(renderList(runs.nodes, COLUMNS, context.format));
    return 0;
  },
};

const GET = `query($id: ID!) {
  run(id: $id) {
    id state outcome reason kind priority job { name } jobVersion params result labels
    submittedAt scheduledFor readyAt startedAt finishedAt queueTime runTime
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
    const { run } = await ask<{ run: object | null }>(context, GET, { id });
    if (run === null) throw new CommandProblem(`There is no run ${id}.`);
    context.terminal.out(renderOne(run, context.format));
    return 0;
  },
};

const watch: Command = {
  name: 'runs watch',
  summary: 'print every state of a run until it ends, each with the time of the server in UTC',
  usage: 'orrery runs watch ID',
  example: 'orrery runs watch 0193a1b2-…',
  options: {},
  positionals: { required: 1, names: 'ID' },
  async run(context, _values, [id = '']) {
    for await (const run of statesOf(context, id)) {
      const { state, reason, at } = run;
      const line = `${at ?? '-'} ${state}${reason === null ? '' : ` ${reason}`}\n`;
      context.terminal.out(context.format === 'table' ? line : `${JSON.stringify(run)}\n`);
      if (isFinalState(state)) return state === 'SUCCEEDED' ? 0 : 1;
    }
    return 1;
  },
};

const ATTEMPT_MAX = 1_000_000;

const logs: Command = {
  name: 'runs logs',
  summary: 'print what a run wrote',
  usage: 'orrery runs logs ID [--follow] [--attempt N]',
  example: 'orrery runs logs 0193a1b2-… --follow',
  options: {
    follow: {
      type: 'boolean',
      short: 'f',
      help: 'go on with what it writes, until it ends or Ctrl-C',
    },
    attempt: { type: 'string', value: 'N', help: 'only of this attempt: 1 is the first' },
  },
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const of = { id, attempt: wholeOf(values, 'attempt', [1, ATTEMPT_MAX]) };
    if (values['follow'] === true) {
      const leaving = new AbortController();
      const done = followLog(context, of, leaving.signal).then(() => 0);
      const code = await untilInterrupted(done);
      leaving.abort();
      return code ?? INTERRUPTED;
    }
    if (context.format === 'table') await printLog(context, of);
    else context.terminal.out(`${JSON.stringify({ id, text: await logOf(context, of) })}\n`);
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
    reason: { type: 'string', value: 'TEXT', help: 'why, for who looks at it later' },
    grace: { type: 'string', value: 'DURATION', help: 'how long before it is killed: 3s' },
    force: { type: 'boolean', help: 'do not wait for an executor that is away' },
  },
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const reason = textOf(values, 'reason');
    const grace = textOf(values, 'grace');
    const input = {
      id,
      force: values['force'] === true,
      ...(reason === undefined ? {} : { reason }),
      ...(grace === undefined ? {} : { grace }),
    };
    const { cancelRun } = await change<{
      cancelRun: { pending: boolean; run: object | null; userErrors: UserError[] };
    }>(context, CANCEL, input);
    refuse(cancelRun.userErrors);
    const { run, pending } = cancelRun;
    context.terminal.out(renderOne({ ...run, pending }, context.format));
    return 0;
  },
};

export const runs: readonly Command[] = [ls, get, watch, logs, cancel];
