import { type Context, tell, valueOf } from '../context.js';
import { inert } from '../output/render.js';
import { CommandProblem } from '../problem.js';
import { type Waiter, waitsInWords } from '../words.js';
import type { Options } from './command.js';
import { Link } from './link.js';
import { type Outcome, TIMED_OUT, untilStopped } from './stop.js';

export interface WatchedRun {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  /** Since when it is in this state, as the server has written it; null if that is not known. */
  readonly at: string | null;
}
interface Told extends Omit<WatchedRun, 'at'> {
  readonly submittedAt: string;
  readonly events: {
    readonly nodes: readonly { readonly at: string; readonly to: string | null }[];
  };
}

const CHANGED = `subscription($id: ID!) {
  runChanged(id: $id) { id state reason submittedAt events(first: 200) { nodes { at to } } }
}`;
const FINAL = new Set(['SUCCEEDED', 'DEAD', 'CANCELLED', 'EXPIRED', 'SKIPPED']);

/** How long a command waits for what goes on without it. */
export const WITHIN = {
  timeout: {
    type: 'string',
    value: 'DURATION',
    help: 'wait no longer than this: 90s, 5m; exit code 124',
  },
} as const satisfies Options;

export const isFinalState = (state: string): boolean => FINAL.has(state);

export interface Watching {
  readonly id: string;
  /** That nobody is there at first ends it: unless this command has just been answered. */
  readonly mustAnswer: boolean;
  readonly say: (text: string) => void;
}

export const meanwhile = (id: string): string =>
  `The run ${id} does not depend on this. What it does: npx orrery runs get ${id}`;

/** Every state of a run as it comes, over reconnects, until it is final. */
export async function* statesOf(
  { client }: Context,
  { id, mustAnswer, say }: Watching,
): AsyncGenerator<WatchedRun> {
  const link = new Link(client.url, say, meanwhile(id));
  const { interrupted, connected } = link;
  const how = { mustAnswer, interrupted, connected };
  try {
    for await (const step of client.follow<{ runChanged: Told }>(CHANGED, { id }, how)) {
      const { runChanged } = valueOf(step, { url: client.url });
      link.heard();
      const { state, reason, submittedAt, events } = runChanged;
      const entered = events.nodes.findLast(({ to }) => to === state)?.at;
      const at = entered ?? (events.nodes.length === 0 ? submittedAt : null);
      yield { id, state, reason, at };
      if (isFinalState(state)) return;
    }
  } finally {
    link.close();
  }
}

const goesOn = (id: string): string =>
  [
    `The run ${id} is not stopped by this.`,
    `  look at it: npx orrery runs get ${id}`,
    `  wait on:    npx orrery runs wait ${id}`,
    `  cancel it:  npx orrery runs cancel ${id}`,
  ].join('\n');

const WHY_MS = 2_000;
const STARTED: ReadonlySet<string> = new Set(['GRANTED', 'RUNNING', 'UNKNOWN', 'CANCELLING']);
const WHY = `query($id: ID!) {
  run(id: $id) { id job { name } waitingFor { text hint } }
}`;

/** Why it does not start, in the words of `runs explain`; nothing if nobody knows. */
async function whyOf({ client }: Context, id: string): Promise<string> {
  const answer = await client.request<{ run: Waiter | null }>(WHY, { id });
  if (!answer.ok || answer.value.run === null) return '';
  const lines = waitsInWords(answer.value.run).map(({ text, hint }) =>
    [text, hint].filter(Boolean).join(' '),
  );
  return lines.map(inert).join('\n');
}

/** Says why nobody waits any longer; answers the exit code. */
export function leave(context: Context, stopped: number, id: string): number {
  const late = stopped === TIMED_OUT ? 'The time for waiting is over.\n' : '';
  const why = stopped === TIMED_OUT ? `\n  why so:     npx orrery runs explain ${id}` : '';
  tell(context, `${late}${goesOn(id)}${why}`);
  return stopped;
}

/** However following a run breaks off, the person learns which run it was. */
export function named(error: unknown, id: string): unknown {
  if (!(error instanceof CommandProblem) || error.message.includes(id)) return error;
  if (error.errors[0].code === 'NOT_FOUND') return error;
  return error.with(goesOn(id));
}

/** The end of a run, with a line that moves while a person waits; or why nobody waits for it. */
export async function waitForEnd(
  context: Context,
  id: string,
  { mustAnswer, withinMs }: { readonly mustAnswer: boolean; readonly withinMs: number | undefined },
): Promise<Outcome<WatchedRun>> {
  const line = movingLine(context, id);
  let [state, isOver] = ['', false];
  const explain = async (): Promise<void> => {
    const why = STARTED.has(state) ? '' : await whyOf(context, id);
    if (why !== '' && !isOver && !STARTED.has(state)) line.say(why);
  };
  const timer = setTimeout(() => void explain(), WHY_MS);
  const show = (next: string): void => {
    state = next;
    line.show(next);
  };
  try {
    const end = endOf(context, { id, mustAnswer, say: line.say }, show);
    return await untilStopped(end, withinMs);
  } catch (error) {
    throw named(error, id);
  } finally {
    isOver = true;
    clearTimeout(timer);
    line.clear();
  }
}

async function endOf(
  context: Context,
  watching: Watching,
  show: (state: string) => void,
): Promise<WatchedRun> {
  for await (const run of statesOf(context, watching)) {
    show(run.state);
    if (isFinalState(run.state)) return run;
  }
  throw new CommandProblem(`What happens to the run ${watching.id} is no longer told.`);
}

/** Nothing where nobody looks, and nothing more once it is cleared. */
function movingLine(context: Context, id: string) {
  const { terminal } = context;
  const began = Date.now();
  let state = 'SUBMITTED';
  let isShown = terminal.isTerminal;
  const wipe = (): void => {
    if (isShown) terminal.err('\r\u001b[K');
  };
  const draw = (): void => {
    const seconds = Math.round((Date.now() - began) / 1_000);
    if (isShown) terminal.err(`\r\u001b[K${id} ${state} ${seconds}s`);
  };
  const timer = isShown ? setInterval(draw, 1_000) : undefined;
  return {
    show: (next: string): void => {
      state = next;
      draw();
    },
    /** Above the line. */
    say: (text: string): void => {
      wipe();
      tell(context, text);
      draw();
    },
    clear(): void {
      clearInterval(timer);
      wipe();
      isShown = false;
    },
  };
}
