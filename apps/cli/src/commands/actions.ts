import { ask, change, tell } from '../context.js';
import { inert, renderOne } from '../output/render.js';
import { waitsInWords } from '../words.js';
import { CommandProblem, type UserError, absent, misuse, refuse } from '../problem.js';
import { type Command, type Options, type Values } from './command.js';
import { LABELS, labelsOf } from './labels.js';
import { PAUSED, type Paused, unchangedText } from './paused.js';
import {
  PRIORITIES,
  REASON,
  TIME,
  durationTextOf,
  given,
  jsonOf,
  startOf,
  textOf,
  wholeOf,
  wordOf,
} from './values.js';

type Input = Readonly<Record<string, unknown>>;

/** A mutation that answers with a run. */
interface Action {
  readonly verb: string;
  readonly mutation: string;
  readonly input: string;
  readonly summary: string;
  readonly example: string;
  readonly options: Options;
  readonly more?: string;
  /** What its options say; undefined values are left out. */
  read(values: Values): Input;
}

interface AnsweredRun {
  readonly id: string;
  readonly state: string;
  readonly paused?: Paused | null;
  readonly job?: { readonly name: string } | null;
  readonly retryOf?: { readonly retries: readonly { readonly id: string }[] } | null;
}
interface Answer {
  readonly pending?: boolean;
  readonly changed?: boolean;
  readonly replayed?: boolean;
  readonly run: AnsweredRun | null;
  readonly userErrors: readonly UserError[];
}

const PRIORITY = {
  priority: { type: 'string', value: '1-10', oneOf: PRIORITIES, help: '1 is first' },
} as const;
const PARAMS = {
  params: { type: 'string', value: 'JSON', help: 'all of its params anew' },
} as const;
const ENDS = ['SUCCEEDED', 'SKIPPED'];

const jsonIn = (values: Values, name: string): unknown => {
  const text = textOf(values, name);
  return text === undefined ? undefined : jsonOf(text, `--${name}`);
};
const changesOf = (values: Values): Input => ({
  reason: textOf(values, 'reason'),
  params: jsonIn(values, 'params'),
  labels: labelsOf(values),
  priority: wholeOf(values, 'priority', [1, 10]),
  ...startOf(values),
});

const ACTIONS: readonly Action[] = [
  {
    verb: 'pause',
    mutation: 'pauseRun',
    input: 'PauseRunInput',
    summary: 'hold a run that has not started, or freeze one that runs',
    example: "orrery runs pause 0193a1b2-… --freeze --reason 'the disk is full'",
    options: {
      freeze: { type: 'boolean', help: 'stop a shell job that runs in place' },
      ...REASON,
    },
    more: 'What is frozen keeps its slot and its memory, and its time-out stands still.',
    read: (values) => ({
      ...changesOf(values),
      how: values['freeze'] === true ? 'FREEZE' : undefined,
    }),
  },
  {
    verb: 'resume',
    mutation: 'resumeRun',
    input: 'RunActionInput',
    summary: 'let a paused or frozen run go on',
    example: 'orrery runs resume 0193a1b2-…',
    options: REASON,
    read: changesOf,
  },
  {
    verb: 'update',
    mutation: 'updateRun',
    input: 'UpdateRunInput',
    summary: 'change a run that has not started',
    example: 'orrery runs update 0193a1b2-… --priority 1 --after 10m',
    options: {
      ...PARAMS,
      ...LABELS('all of its labels anew: team=data,env=prod'),
      ...PRIORITY,
      ...TIME,
      ...REASON,
    },
    read: changesOf,
  },
  {
    verb: 'mark',
    mutation: 'markRun',
    input: 'MarkRunInput',
    summary: 'end a run by hand, as SUCCEEDED or SKIPPED',
    example: "orrery runs mark 0193a1b2-… --as SUCCEEDED --reason 'done by hand'",
    options: {
      as: {
        type: 'string',
        value: 'STATE',
        oneOf: ENDS,
        help: 'SUCCEEDED or SKIPPED',
        required: true,
      },
      result: { type: 'string', value: 'JSON', help: 'its result, when it SUCCEEDED' },
      reason: { ...REASON.reason, required: true },
    },
    read: (values) => {
      const as = wordOf(textOf(values, 'as') ?? '', '--as', ENDS);
      return { as, result: jsonIn(values, 'result'), reason: textOf(values, 'reason') };
    },
  },
  {
    verb: 'retry',
    mutation: 'retryRun',
    input: 'RetryRunInput',
    summary: 'make a new run of one that ended without success',
    example: `orrery runs retry 0193a1b2-… --params '{"city":"Bern"}'`,
    options: {
      ...PARAMS,
      ...PRIORITY,
      pool: { type: 'string', value: 'NAME', help: 'the pool that is to run it' },
      timeout: { type: 'string', value: 'DURATION', help: 'how long an attempt may run' },
      ...REASON,
    },
    read: (values) => ({
      ...changesOf(values),
      pool: textOf(values, 'pool'),
      timeout: durationTextOf(values, 'timeout'),
    }),
  },
  {
    verb: 'clone',
    mutation: 'cloneRun',
    input: 'CloneRunInput',
    summary: 'make a new run like another one',
    example: 'orrery runs clone 0193a1b2-… --priority 1',
    options: {
      ...PARAMS,
      ...LABELS('all of its labels anew: team=data,env=prod'),
      ...PRIORITY,
      ...TIME,
    },
    read: changesOf,
  },
];

function commandOf(action: Action): Command {
  const { verb, mutation, input: type, summary, example, options, more } = action;
  const names = Object.entries(options).map(([name, { value, required }]) => {
    const said = value === undefined ? `--${name}` : `--${name} ${value}`;
    return required === true ? said : `[${said}]`;
  });
  const needed = names.filter((said) => !said.startsWith('['));
  // Many options: the list below tells them.
  const shown = (names.length > 3 ? [...needed, '[options]'] : names).join(' ');
  // A submission is durable or refused, or another run stands for it; a command can be pending.
  const words = mutation === 'cloneRun' ? 'replayed' : 'pending changed';
  const document = `mutation($input: ${type}!) {
    ${mutation}(input: $input) {
      ${words} run { id state ${MORE[mutation] ?? ''} } userErrors { code path message hint }
    }
  }`;
  return {
    name: `runs ${verb}`,
    summary,
    usage: `orrery runs ${verb} ID ${shown}`,
    example,
    options,
    ...(more === undefined ? {} : { more }),
    positionals: { required: 1, names: 'ID' },
    async run(context, values, [id = '']) {
      const changes = given(action.read(values));
      // That it is to be changed, and nothing of it, is a slip.
      if (verb === 'update' && Object.keys(changes).every((name) => name === 'reason')) {
        throw misuse(`Say what to change, for example: ${example}`);
      }
      const input = { id, ...changes };
      const answer = (await change<Record<string, Answer>>(context, document, input))[mutation];
      if (answer === undefined) throw new CommandProblem(`The server does not know ${mutation}.`);
      refuse(answer.userErrors, { id, ...given({ job: answer.run?.job?.name }) });
      const { run, pending, changed, replayed } = answer;
      const { retryOf, job: _job, ...shown } = run ?? {};
      const before = retryOf?.retries.find((other) => other.id !== run?.id);
      // A repeat under the same key answers with the run that the first has made.
      const isSame = changed === false && pending === false && run?.id === id;
      const isAnew = ANEW.has(verb) && run !== null && run.id !== id;
      const said = [
        isSame ? unchangedText(id, run) : '',
        before === undefined || isSame ? '' : `run ${id} was retried before, as ${before.id}`,
        isAnew ? `${changed === false ? 'run' : 'new run'} ${run.id}, for ${id}` : '',
      ].filter(Boolean);
      if (said.length > 0) tell(context, said.join('; '));
      const told = { ...shown, ...given({ pending, changed, replayed }) };
      context.terminal.out(renderOne(told, context.format));
      return 0;
    },
  };
}

/** What is final stays as it is: another run stands for it. */
const ANEW: ReadonlySet<string> = new Set(['mark', 'retry']);

/** What else is asked of the run: it tells why nothing changed, or what was made before. */
const MORE: Readonly<Record<string, string>> = {
  pauseRun: PAUSED,
  resumeRun: `job { name } ${PAUSED}`,
  retryRun: 'retryOf { retries { id } }',
};

const EXPLAIN = `query($id: ID!) {
  run(id: $id) {
    id state reason expectedFinish job { name }
    waitingFor { kind text hint name until used limit place nearest }
  }
}`;
interface Explained {
  readonly run: {
    readonly id: string;
    readonly state: string;
    readonly reason: string | null;
    readonly expectedFinish: string | null;
    readonly job: { readonly name: string } | null;
    readonly waitingFor: readonly {
      readonly kind: string;
      readonly text: string;
      readonly hint: string | null;
      readonly until: string | null;
      readonly nearest: readonly string[] | null;
    }[];
  } | null;
}

const explain: Command = {
  name: 'runs explain',
  summary: 'say why a run is not running',
  usage: 'orrery runs explain ID',
  example: 'orrery runs explain 0193a1b2-…',
  options: {},
  positionals: { required: 1, names: 'ID' },
  async run(context, _values, [id = '']) {
    const { run } = await ask<Explained>(context, EXPLAIN, { id });
    if (run === null) throw absent(`Run ${id}`);
    const told = { ...run, waitingFor: waitsInWords(run) };
    if (context.format !== 'table') {
      context.terminal.out(renderOne(told, context.format));
      return 0;
    }
    const { state, reason, expectedFinish, waitingFor } = told;
    const lines = waitingFor.flatMap(({ text, hint, until, nearest }) => [
      [text, until === null ? '' : `Until ${until}.`, hint ?? ''].filter(Boolean).join(' '),
      ...(nearest ?? []).map((each) => `  - ${each}`),
    ]);
    const none = reason === null ? [] : [reason];
    const end = expectedFinish === null ? [] : [`It is expected to end at ${expectedFinish}.`];
    const said = [...(lines.length > 0 ? lines : none), ...end];
    context.terminal.out(`${[`The run is ${state}.`, ...said].map(inert).join('\n')}\n`);
    return 0;
  },
};

export const actions: readonly Command[] = [...ACTIONS.map(commandOf), explain];
