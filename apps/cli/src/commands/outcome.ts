import { type Context, ask, tell } from '../context.js';
import { plain, renderOne } from '../output/render.js';
import { CommandProblem } from '../problem.js';
import { type Command } from './command.js';
import { durationOf } from './values.js';
import { logOf, printLog } from './log.js';
import { WITHIN, type WatchedRun, leave, named, waitForEnd } from './wait.js';

const DONE = `query($id: ID!) {
  run(id: $id) {
    id state outcome reason result submittedAt startedAt finishedAt queueTime runTime
    reusedFrom { id } retryOf { id } error { class message }
    attempts { number outcome exitCode signal }
  }
}`;

interface Done {
  readonly run:
    | (WatchedRun & {
        readonly reusedFrom: { readonly id: string } | null;
        readonly result: unknown;
      })
    | null;
}

export interface Awaited {
  readonly id: string;
  readonly mustAnswer: boolean;
  readonly withinMs: number | undefined;
}

/** Waits for the end of a run and tells it with its log; answers the exit code. */
export async function outcomeOf(context: Context, awaited: Awaited): Promise<number> {
  const { id } = awaited;
  if (context.format === 'table') tell(context, `run ${id}`);
  const { stopped } = await waitForEnd(context, id, awaited);
  if (stopped !== undefined) return leave(context, stopped, id);
  try {
    return await tellEnd(context, id);
  } catch (error) {
    throw named(error, id);
  }
}

async function tellEnd(context: Context, id: string): Promise<number> {
  const { terminal, format } = context;
  const { run } = await ask<Done>(context, DONE, { id });
  if (run === null) throw new CommandProblem(`The run ${id} is gone.`);
  const isSuccess = run.state === 'SUCCEEDED';
  if (format !== 'table') {
    const { text: log } = await logOf(context, { id });
    terminal.out(renderOne({ ...run, log }, format));
  } else {
    if (run.reusedFrom !== null) {
      tell(context, `answered from the result of run ${run.reusedFrom.id} (cache)`);
      if (run.result !== null) tell(context, `result ${plain(run.result)}`);
    }
    await printLog(context, { id });
    const why = run.reason === null ? '' : `: ${run.reason}`;
    if (!isSuccess) tell(context, `run ${id} ${run.state}${why}`);
  }
  return isSuccess ? 0 : 1;
}

export const wait: Command = {
  name: 'runs wait',
  summary: 'wait for the end of a run and print its log, as submit --wait does',
  usage: 'orrery runs wait ID [--timeout DURATION]',
  example: 'orrery runs wait 0193a1b2-… --timeout 5m',
  options: WITHIN,
  more: 'It exits with 0 when the run has SUCCEEDED, and with 1 when it ended in any other way.',
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const withinMs = durationOf(values, 'timeout');
    return await outcomeOf(context, { id, mustAnswer: true, withinMs });
  },
};
