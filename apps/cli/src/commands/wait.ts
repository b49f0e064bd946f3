import { SubscriptionError } from '#client';
import { CommandProblem, type Context, ask } from '../context.js';

export interface WatchedRun {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
}

const CHANGED = 'subscription($id: ID!) { runChanged(id: $id) { id state reason } }';
const LOOK = 'query($id: ID!) { run(id: $id) { id state reason } }';
const FINAL = new Set(['SUCCEEDED', 'DEAD', 'CANCELLED', 'EXPIRED', 'SKIPPED']);
const RECONNECT_MS = 500;

export const isFinalState = (state: string): boolean => FINAL.has(state);

/** Every state of a run as it comes, over reconnects, until it is final. */
export async function* statesOf(context: Context, id: string): AsyncGenerator<WatchedRun> {
  for (;;) {
    try {
      const changes = context.client.subscribe<{ runChanged: WatchedRun }>(CHANGED, { id });
      for await (const { runChanged } of changes) {
        yield runChanged;
        if (isFinalState(runChanged.state)) return;
      }
    } catch (error) {
      const isRefused =
        error instanceof SubscriptionError && error.code !== 'CLOSED' && error.code !== 'GRAPHQL';
      if (isRefused) throw new CommandProblem(error.message);
    }
    // The gateway went away; what happened meanwhile is in the run itself.
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    const answer = await context.client.request<{ run: WatchedRun | null }>(LOOK, { id });
    if (!answer.ok) continue;
    if (answer.value.run === null) throw new CommandProblem(`There is no run ${id}.`);
    if (isFinalState(answer.value.run.state)) {
      yield answer.value.run;
      return;
    }
  }
}

/** With a line that moves while a person waits. */
export async function waitForEnd(context: Context, id: string): Promise<WatchedRun> {
  const { terminal } = context;
  const began = Date.now();
  let state = 'SUBMITTED';
  const line = (): void => {
    const seconds = Math.round((Date.now() - began) / 1_000);
    terminal.err(`\r\u001b[K${id} ${state} ${seconds}s`);
  };
  const timer = terminal.isTerminal ? setInterval(line, 1_000) : undefined;
  try {
    for await (const run of statesOf(context, id)) {
      state = run.state;
      if (terminal.isTerminal) line();
      if (isFinalState(run.state)) return run;
    }
    const { run } = await ask<{ run: WatchedRun | null }>(context, LOOK, { id });
    if (run === null) throw new CommandProblem(`There is no run ${id}.`);
    return run;
  } finally {
    clearInterval(timer);
    if (terminal.isTerminal) terminal.err('\r\u001b[K');
  }
}
