import { setTimeout as delay } from 'node:timers/promises';
import type { RequestError, Result } from '#client';
import { type Context, ask, tell, valueOf } from '../context.js';
import { renderOne } from '../output/render.js';
import { CommandProblem } from '../problem.js';
import { type Command } from './command.js';
import { durationOf } from './values.js';
import { Link } from './link.js';
import { type Outcome, untilStopped } from './stop.js';
import { WITHIN } from './wait.js';

const LOOK_MS = 500;

export interface Bulk {
  readonly id: string;
  readonly state: 'RUNNING' | 'DONE' | 'FAILED';
  readonly action: string;
  readonly matched: number;
  readonly applied: number;
  readonly refused: number;
  readonly failure: string | null;
}

const BULK = `query($id: ID!) {
  bulk(id: $id) { id state action matched applied refused reason by startedAt finishedAt failure }
}`;

async function look(context: Context, id: string): Promise<Bulk> {
  const { bulk } = await ask<{ bulk: Bulk | null }>(context, BULK, { id });
  if (bulk === null) throw new CommandProblem(`No action on many runs has the id ${id}.`);
  return bulk;
}

export interface Followed {
  readonly id: string;
  /** That nobody is there at first ends it: unless this command has just been answered. */
  readonly mustAnswer: boolean;
  readonly withinMs: number | undefined;
}

/** Its end, or why nobody waits. It is the server's: whoever stops looking does not stop it. */
export async function followBulk(
  context: Context,
  { id, mustAnswer, withinMs }: Followed,
): Promise<Outcome<Bulk>> {
  const { terminal, client } = context;
  const stop = new AbortController();
  const wipe = terminal.isTerminal ? '\r\u001b[K' : '';
  const say = (text: string): void => {
    terminal.err(wipe);
    tell(context, text);
  };
  const link = new Link(client.url, say, goesOn(id));
  const end = async (): Promise<Bulk> => {
    for (let isAnswered = !mustAnswer; ; isAnswered = true) {
      const answer = await client.request<{ bulk: Bulk | null }>(BULK, { id });
      const trouble = isAnswered ? passing(answer) : undefined;
      if (trouble !== undefined) link.interrupted(trouble);
      else {
        const { bulk } = valueOf(answer);
        link.heard();
        if (bulk === null) throw new CommandProblem(`No action on many runs has the id ${id}.`);
        if (bulk.state !== 'RUNNING') return bulk;
        const { action, applied, matched } = bulk;
        if (terminal.isTerminal) terminal.err(`${wipe}${id} ${action} ${applied} of ${matched}`);
      }
      await delay(LOOK_MS, undefined, { signal: stop.signal });
    }
  };
  const ended = end();
  // After Ctrl-C nobody waits for it.
  ended.catch(() => undefined);
  try {
    return await untilStopped(ended, withinMs);
  } finally {
    stop.abort();
    terminal.err(wipe);
  }
}

const PASSING = new Set(['UNREACHABLE', 'UNAVAILABLE', 'RATE_LIMITED', 'OPERATION_TIMEOUT']);

const passing = (answer: Result<unknown>): RequestError | undefined =>
  answer.ok ? undefined : answer.errors.find(({ code }) => PASSING.has(code));

export const goesOn = (id: string): string =>
  `It goes on without this command. To see how far it is:\n  npx orrery bulk get ${id}`;

/** What a command that has followed it ends with. */
export function exitOf(context: Context, outcome: Outcome<Bulk>, id: string): number {
  if (outcome.stopped !== undefined) {
    tell(context, goesOn(id));
    return outcome.stopped;
  }
  const { state, failure } = outcome.value;
  if (state !== 'FAILED') return 0;
  throw new CommandProblem(failure ?? `The action ${id} has failed.`);
}

export const bulkGet: Command = {
  name: 'bulk get',
  summary: 'show how far an action on many runs is',
  usage: 'orrery bulk get ID [--wait] [--timeout DURATION]',
  example: 'orrery bulk get 0193a1b2-… --wait',
  options: { wait: { type: 'boolean', help: 'until it is over' }, ...WITHIN },
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const withinMs = durationOf(values, 'timeout');
    const show = (bulk: Bulk): void => {
      context.terminal.out(renderOne({ ...bulk }, context.format));
    };
    if (values['wait'] !== true) {
      show(await look(context, id));
      return 0;
    }
    const outcome = await followBulk(context, { id, mustAnswer: true, withinMs });
    if (outcome.stopped === undefined) show(outcome.value);
    return exitOf(context, outcome, id);
  },
};
