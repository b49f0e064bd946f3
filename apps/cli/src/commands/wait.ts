import { CommandProblem, type Context, valueOf } from '../context.js';
import type { Terminal } from '../output/render.js';

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
/** The exit code after Ctrl-C. */
export const INTERRUPTED = 130;

export const isFinalState = (state: string): boolean => FINAL.has(state);

/** Every state of a run as it comes, over reconnects, until it is final. */
export async function* statesOf(context: Context, id: string): AsyncGenerator<WatchedRun> {
  for await (const step of context.client.follow<{ runChanged: Told }>(CHANGED, { id })) {
    const { runChanged } = valueOf(step);
    const { state, reason, submittedAt, events } = runChanged;
    const entered = events.nodes.findLast(({ to }) => to === state)?.at;
    const at = entered ?? (events.nodes.length === 0 ? submittedAt : null);
    yield { id, state, reason, at };
    if (isFinalState(state)) return;
  }
}

/** Runs until it is done or Ctrl-C is pressed, which answers undefined. */
export async function untilInterrupted<T>(work: Promise<T>): Promise<T | undefined> {
  let interrupt = (): void => undefined;
  const interrupted = new Promise<undefined>((resolve) => {
    interrupt = () => resolve(undefined);
  });
  // Once: a second Ctrl-C ends the process as it always does.
  process.once('SIGINT', interrupt);
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

const goesOn = (id: string): string =>
  [
    `The run ${id} is not stopped by this.`,
    `  watch it:   npx orrery runs watch ${id}`,
    `  cancel it:  npx orrery runs cancel ${id}`,
  ].join('\n');

/**
 * The end of a run, with a line that moves while a person waits; `undefined` after Ctrl-C. However
 * the wait breaks off, the person learns which run it was.
 */
export async function waitForEnd(context: Context, id: string): Promise<WatchedRun | undefined> {
  const { terminal } = context;
  const line = movingLine(terminal, id);
  try {
    const end = await untilInterrupted(endOf(context, id, (state) => line.show(state)));
    line.clear();
    if (end === undefined) terminal.err(`${goesOn(id)}\n`);
    return end;
  } catch (error) {
    if (!(error instanceof CommandProblem) || error.message.includes(id)) throw error;
    throw new CommandProblem(`${error.message}\n${goesOn(id)}`, error.exitCode);
  } finally {
    line.clear();
  }
}

async function endOf(
  context: Context,
  id: string,
  show: (state: string) => void,
): Promise<WatchedRun> {
  for await (const run of statesOf(context, id)) {
    show(run.state);
    if (isFinalState(run.state)) return run;
  }
  throw new CommandProblem(`What happens to the run ${id} is no longer told.`);
}

/** Nothing where nobody looks, and nothing more once it is cleared. */
function movingLine(terminal: Terminal, id: string) {
  const began = Date.now();
  let state = 'SUBMITTED';
  let isShown = terminal.isTerminal;
  const draw = (): void => {
    const seconds = Math.round((Date.now() - began) / 1_000);
    if (isShown) terminal.err(`\r\u001b[K${id} ${state} ${seconds}s`);
  };
  const timer = isShown ? setInterval(draw, 1_000) : undefined;
  return {
    show(next: string): void {
      state = next;
      draw();
    },
    clear(): void {
      clearInterval(timer);
      if (isShown) terminal.err('\r\u001b[K');
      isShown = false;
    },
  };
}
