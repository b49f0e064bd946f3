import { CommandProblem, type Context, type UserError, change, refuse } from '../context.js';
import { renderOne } from '../output/render.js';
import {
  type Command,
  PRIORITIES,
  type Values,
  durationOf,
  jsonOf,
  misuse,
  textOf,
  wholeOf,
} from './command.js';
import { outcomeOf } from './outcome.js';

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

function inputOf(context: Context, values: Values): Record<string, unknown> {
  const shell = textOf(values, 'shell');
  const job = textOf(values, 'job');
  if (shell !== undefined && job !== undefined) {
    throw misuse('Both --job and --shell are given: give one of them.');
  }
  if (shell === undefined && job === undefined) {
    throw misuse("Say what to run: either --shell 'command' or --job NAME.");
  }
  const params = textOf(values, 'params');
  const optional = {
    at: textOf(values, 'at'),
    after: textOf(values, 'after'),
    startDeadline: textOf(values, 'start-deadline'),
    idempotencyKey: textOf(values, 'idempotency-key'),
    dedupKey: textOf(values, 'dedup-key'),
    fresh: values['fresh'] === true ? true : undefined,
    params: params === undefined ? undefined : jsonOf(params, '--params'),
    priority: wholeOf(values, 'priority', [1, 10]),
  };
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
    job: { type: 'string', value: 'NAME', help: 'the job to run' },
    shell: { type: 'string', value: 'COMMAND', help: 'or a command, without a job' },
    params: { type: 'string', value: 'JSON', help: 'what the job works on' },
    priority: {
      type: 'string',
      value: '1-10',
      oneOf: PRIORITIES,
      help: "1 is first; else the job's own",
    },
    at: { type: 'string', value: 'TIME', help: 'not before this time: 2030-01-31T12:00:00Z' },
    after: { type: 'string', value: 'DURATION', help: 'not before so long from now: 90s, 2h' },
    'start-deadline': {
      type: 'string',
      value: 'DURATION',
      help: 'it expires if it has not started so long after it could have',
    },
    'idempotency-key': {
      type: 'string',
      value: 'KEY',
      help: 'the same key again answers with the same run, for 24 hours',
    },
    'dedup-key': {
      type: 'string',
      value: 'KEY',
      help: 'while a run of the job holds the key, the answer is that run',
    },
    fresh: { type: 'boolean', help: 'run it, also if an equal run has left its result' },
    wait: { type: 'boolean', help: 'wait for its end and print its log; 1 if it fails' },
    'wait-timeout': {
      type: 'string',
      value: 'DURATION',
      help: 'wait no longer than this: 90s, 5m; exit code 124',
    },
  },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const withinMs = durationOf(values, 'wait-timeout');
    const { submitRun } = await change<Submitted>(context, SUBMIT, inputOf(context, values));
    refuse(submitRun.userErrors);
    const run = submitRun.run;
    if (run === null) throw new CommandProblem('The server answered without a run.');
    if (values['wait'] !== true) {
      const { replayed } = submitRun;
      context.terminal.out(renderOne({ ...run, replayed }, context.format));
      return 0;
    }
    return await outcomeOf(context, { id: run.id, mustAnswer: false, withinMs });
  },
};
