import { setTimeout as delay } from 'node:timers/promises';
import { type Context, change, tell } from '../context.js';
import type { UserError } from '../problem.js';
import { type Outcome, type Stopped, TIMED_OUT, untilStopped } from './stop.js';

/** What is accepted is worked on for some seconds before it is answered. */
const EARLY_MS = 300;

const BULK = `mutation($input: BulkRunsInput!) {
  bulkRuns(input: $input) {
    id matched applied pending replayed
    unmatched { code path message hint } userErrors { code path message hint }
  }
}`;
export interface Begun {
  readonly id: string | null;
  readonly matched: number;
  readonly applied: number;
  readonly pending: boolean;
  readonly replayed: boolean;
  readonly unmatched: readonly UserError[];
  readonly userErrors: readonly UserError[];
}
interface Answer {
  readonly bulkRuns: Begun;
}
type Input = Readonly<Record<string, unknown>>;

interface Beginning {
  readonly withinMs: number | undefined;
  /** That it is accepted is enough. */
  readonly isEnough: boolean;
}
export interface Beginnings {
  readonly outcome: Outcome<Begun>;
  /** What it is called, if that was known before the server was done with its first part. */
  readonly early: Begun | undefined;
}

/** Begins it; a person learns at once what it is called, and may leave before it is answered. */
export async function begin(
  context: Context,
  input: Input,
  { withinMs, isEnough }: Beginning,
): Promise<Beginnings> {
  const answered = change<Answer>(context, BULK, input, { isKeyed: true });
  const first = answered.then(({ bulkRuns }) => bulkRuns);
  // After Ctrl-C nobody waits for it.
  first.catch(() => undefined);
  // A dry run makes nothing that could have a name.
  if (input['dryRun'] === true) {
    return { outcome: await untilStopped(first, withinMs), early: undefined };
  }
  const stop = new AbortController();
  let early: Begun | undefined;
  const named = nameOf(context, input, stop.signal).then((begun) => {
    early = begun;
    if (!isEnough && !stop.signal.aborted) tell(context, calledText(begun.id ?? ''));
    return begun;
  });
  named.catch(() => undefined);
  const soonest = isEnough ? Promise.race([first, named]) : first;
  try {
    return { outcome: await untilStopped(soonest, withinMs), early };
  } finally {
    stop.abort();
  }
}

/** Under one key it is begun once: each repeat is answered with what the first has begun. */
async function nameOf(context: Context, input: Input, signal: AbortSignal): Promise<Begun> {
  for (;;) {
    await delay(EARLY_MS, undefined, { signal });
    const answer = await context.client.request<Answer>(BULK, { input });
    if (answer.ok && answer.value.bulkRuns.id !== null) return answer.value.bulkRuns;
  }
}

export const calledText = (id: string): string => `bulk ${id} is under way`;

/** Why nobody waits, before it is known what it is called; answers the exit code. */
export function leaveUnnamed(context: Context, stopped: Stopped): number {
  const late = stopped === TIMED_OUT ? 'The time for waiting is over. ' : '';
  tell(context, `${late}${UNNAMED}`);
  return stopped;
}

const UNNAMED =
  'If it was accepted, it goes on without this command.\n  what it is called: npx orrery bulk ls';
