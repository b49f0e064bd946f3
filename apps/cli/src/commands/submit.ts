import { type Context, change, tell } from '../context.js';
import { renderOne } from '../output/render.js';
import { CommandProblem, type UserError, refuse, misuse } from '../problem.js';
import { type Command, type Values } from './command.js';
import {
  PRIORITIES,
  TIME,
  durationOf,
  durationTextOf,
  given,
  jsonOf,
  startOf,
  textOf,
  wholeOf,
} from './values.js';
import { LABELS, labelsOf } from './labels.js';
import { outcomeOf } from './outcome.js';

const SUBMIT = `mutation($input: SubmitRunInput!) {
  submitRun(input: $input) {
    replayed run { id state reusedFrom { id } } userErrors { code path message hint }
  }
}`;

interface Submitted {
  readonly submitRun: {
    readonly replayed: boolean;
    readonly run: {
      readonly id: string;
      readonly state: string;
      readonly reusedFrom: { readonly id: string } | null;
    } | null;
    readonly userErrors: readonly UserError[];
  };
}

/** What runs, where it is no job: a specification. */
const INLINE = ['shell', 'http', 'spec'] as const;

/** Exactly one of them says what to run. */
function whatOf(values: Values): Readonly<Record<string, unknown>> {
  const named = ['job', ...INLINE].filter((name) => values[name] !== undefined);
  const [one, another] = named.map((name) => `--${name}`);
  if (one === undefined) {
    throw misuse(
      "Say what to run: --job NAME, --shell 'COMMAND', --http URL or --spec JSON. " +
        `For example: ${submit.example}`,
    );
  }
  if (another !== undefined) {
    throw misuse(`Both ${one} and ${another} are given: give one of them.`);
  }
  const timeout = durationTextOf(values, 'timeout');
  const job = textOf(values, 'job');
  if (job === undefined) return { spec: { ...specOf(values), ...given({ timeout }) } };
  if (timeout === undefined) return { job };
  throw misuse(
    '--timeout is of what is submitted without a job, whose own timeout holds. To wait no longer ' +
      'than so long: --wait-timeout.',
  );
}

function specOf(values: Values): object {
  const [shell, url, spec] = INLINE.map((name) => textOf(values, name));
  if (shell?.trim() === '') throw misuse("--shell is a command like 'echo hi', not nothing.");
  if (shell !== undefined) return { kind: 'shell', command: shell };
  if (spec !== undefined) {
    const read = jsonOf(spec, '--spec');
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read;
    throw misuse(`--spec is a JSON object like {"kind": "shell", "command": "true"}, not ${spec}.`);
  }
  if (URL.canParse(url ?? '') && /^https?:$/.test(new URL(url ?? '').protocol)) {
    return { kind: 'http', url };
  }
  throw misuse(`--http is an address like https://example.org/ping, not '${url}'.`);
}

function inputOf(context: Context, values: Values): Readonly<Record<string, unknown>> {
  const what = whatOf(values);
  const params = textOf(values, 'params');
  const input = {
    ...what,
    ...startOf(values),
    ...given({
      startDeadline: durationTextOf(values, 'start-deadline'),
      idempotencyKey: textOf(values, 'idempotency-key'),
      dedupKey: textOf(values, 'dedup-key'),
      fresh: values['fresh'] === true ? true : undefined,
      params: params === undefined ? undefined : jsonOf(params, '--params'),
      labels: labelsOf(values),
      priority: wholeOf(values, 'priority', [1, 10]),
    }),
  };
  // Last: it looks for a server, and what was typed wrong is said without one.
  return { project: context.project, ...input };
}

export const submit: Command = {
  name: 'submit',
  summary: 'submit a run of a job, or of a shell command',
  usage: "orrery submit (--job NAME | --shell 'COMMAND' | --http URL | --spec JSON) [options]",
  example: "orrery submit --shell 'echo hi' --wait --output json",
  options: {
    job: { type: 'string', value: 'NAME', help: 'the job to run' },
    shell: { type: 'string', value: 'COMMAND', help: 'or a command, without a job' },
    http: { type: 'string', value: 'URL', help: 'or a GET of this address, without a job' },
    spec: { type: 'string', value: 'JSON', help: 'or a whole specification: see docs/jobs.md' },
    timeout: {
      type: 'string',
      value: 'DURATION',
      help: 'how long an attempt may run, without a job: 90s, 20m',
    },
    params: { type: 'string', value: 'JSON', help: 'what the job works on' },
    priority: {
      type: 'string',
      value: '1-10',
      oneOf: PRIORITIES,
      help: "1 is first; else the job's own",
    },
    ...LABELS('to find it by: team=data, or team=data,env=prod'),
    ...TIME,
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
    if (withinMs !== undefined && values['wait'] !== true) {
      throw misuse('--wait-timeout is for --wait, which is missing.');
    }
    const { submitRun } = await change<Submitted>(context, SUBMIT, inputOf(context, values), {
      isKeyed: true,
    });
    refuse(submitRun.userErrors);
    const run = submitRun.run;
    if (run === null) throw new CommandProblem('The server answered without a run.');
    const { replayed } = submitRun;
    if (replayed) tell(context, `run ${run.id} was there already and stands for this submission`);
    if (values['wait'] !== true) {
      context.terminal.out(renderOne({ ...run, replayed }, context.format));
      return 0;
    }
    return await outcomeOf(context, { id: run.id, mustAnswer: false, withinMs });
  },
};
