import { setTimeout as delay } from 'node:timers/promises';
import type { RequestError, Result } from '#client';
import { type Context, ask, tell, valueOf } from '../context.js';
import { CommandProblem, absent } from '../problem.js';
import { type Bulk, FIELDS, stoppedText } from './bulk-view.js';
import { Link } from './link.js';
import { type Outcome, untilStopped } from './stop.js';

const LOOK_MS = 500;

const BULK = `query($id: ID!) { bulk(id: $id) { ${FIELDS} } }`;

export async function look(context: Context, id: string): Promise<Bulk> {
  const { bulk } = await ask<{ bulk: Bulk | null }>(context, BULK, { id });
  if (bulk === null) throw absent(`Action on many runs ${id}`);
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
    let told: string | null = null;
    for (let isAnswered = !mustAnswer; ; isAnswered = true) {
      const answer = await client.request<{ bulk: Bulk | null }>(BULK, { id });
      const lost = isAnswered ? passing(answer) : undefined;
      if (lost !== undefined) link.interrupted(lost);
      else {
        const { bulk } = valueOf(answer);
        link.heard();
        if (bulk === null) throw absent(`Action on many runs ${id}`);
        if (bulk.state !== 'RUNNING') return bulk;
        const { action, applied, matched, trouble } = bulk;
        if (trouble !== null && trouble !== told) say(trouble);
        told = trouble;
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
  [
    'It goes on without this command.',
    `  how far it is: npx orrery bulk get ${id}`,
    `  stop it:       npx orrery bulk cancel ${id}`,
  ].join('\n');

/** What a command that has followed it ends with. */
export function exitOf(context: Context, outcome: Outcome<Bulk>, id: string): number {
  if (outcome.stopped !== undefined) {
    tell(context, goesOn(id));
    return outcome.stopped;
  }
  const { value: bulk } = outcome;
  if (bulk.refused > 0) tell(context, refusedText(bulk));
  if (bulk.state === 'CANCELLED') {
    const message = stoppedText(bulk);
    throw new CommandProblem(message, 1, [{ code: 'BULK_CANCELLED', message }]);
  }
  if (bulk.state !== 'FAILED') return 0;
  throw new CommandProblem(bulk.failure ?? `The action ${id} has failed.`);
}

const refusedText = ({ refused, matched }: Bulk): string =>
  `It could not be done to ${refused} of ${matched}: another run holds the dedup key, another ` +
  'request was there first, or it cannot be stored.';
