import { CommandProblem, type Context, type UserError, ask, refuse } from '../context.js';
import { renderOne } from '../output/render.js';
import { type Command, type Values, textOf } from './command.js';
import { logOf, printLog } from './log.js';
import { type WatchedRun, waitForEnd } from './wait.js';

const SUBMIT = `mutation($input: SubmitRunInput!) {
  submitRun(input: $input) { replayed run { id state } userErrors { code path message hint } }
}`;

interface Submitted {
  readonly submitRun: {
    readonly replayed: boolean;
    readonly run: { readonly id: string; readonly state: string } | null;
    readonly userErrors: readonly UserError[];
  };
}

const DONE = `query($id: ID!) {
  run(id: $id) {
    id state outcome reason result submittedAt startedAt finishedAt queueTime runTime
    error { class message } attempts { number outcome exitCode signal }
  }
}`;

interface Done {
  readonly run: (WatchedRun & Readonly<Record<string, unknown>>) | null;
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandProblem(`${what} is not JSON: ${why}`);
  }
}

function inputOf(context: Context, values: Values): Record<string, unknown> {
  const shell = textOf(values, 'shell');
  const job = textOf(values, 'job');
  if ((shell === undefined) === (job === undefined)) {
    throw new CommandProblem("Say what to run: either --shell 'command' or --job NAME.");
  }
  const params = textOf(values, 'params');
  const priority = textOf(values, 'priority');
  const optional = {
    at: textOf(values, 'at'),
    after: textOf(values, 'after'),
    startDeadline: textOf(values, 'start-deadline'),
    idempotencyKey: textOf(values, 'idempotency-key'),
    params: params === undefined ? undefined : parseJson(params, '--params'),
    priority: priority === undefined ? undefined : Number(priority),
  };
  if (optional.priority !== undefined && !Number.isInteger(optional.priority)) {
    throw new CommandProblem('--priority is a number from 1 (first) to 10.');
  }
  const given = Object.entries(optional).filter(([, value]) => value !== undefined);
  return {
    project: context.project,
    ...(shell === undefined ? { job } : { spec: { kind: 'shell', command: shell } }),
    ...Object.fromEntries(given),
  };
}

export const submit: Command = {
  name: 'submit',
  summary: 'submit a run of a job, or of a shell command',
  usage: "orrery submit (--job NAME | --shell 'COMMAND') [options]",
  example: "orrery submit --shell 'echo hi' --wait --output json",
  options: {
    job: { type: 'string' },
    shell: { type: 'string' },
    params: { type: 'string' },
    priority: { type: 'string' },
    at: { type: 'string' },
    after: { type: 'string' },
    'start-deadline': { type: 'string' },
    'idempotency-key': { type: 'string' },
    wait: { type: 'boolean' },
  },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const { submitRun } = await ask<Submitted>(context, SUBMIT, {
      input: inputOf(context, values),
    });
    refuse(submitRun.userErrors);
    const run = submitRun.run;
    if (run === null) throw new CommandProblem('The server answered without a run.');
    if (values['wait'] !== true) {
      const { replayed } = submitRun;
      context.terminal.out(renderOne({ ...run, replayed }, context.format));
      return 0;
    }
    await waitForEnd(context, run.id);
    const { run: done } = await ask<Done>(context, DONE, { id: run.id });
    if (done === null) throw new CommandProblem(`The run ${run.id} is gone.`);
    if (context.format === 'table') {
      await printLog(context, run.id);
      if (done.state !== 'SUCCEEDED') {
        context.terminal.err(`${done.state}${done.reason === null ? '' : `: ${done.reason}`}\n`);
      }
    } else {
      const log = await logOf(context, run.id);
      context.terminal.out(renderOne({ ...done, log }, context.format));
    }
    return done.state === 'SUCCEEDED' ? 0 : 1;
  },
};
