import { type Context, tell } from '../context.js';
import { type Command } from './command.js';
import { durationOf } from './values.js';
import { untilStopped } from './stop.js';
import { WITHIN, isFinalState, leave, statesOf } from './wait.js';

async function tellStates(context: Context, id: string): Promise<number> {
  const say = (text: string): void => tell(context, text);
  for await (const run of statesOf(context, { id, mustAnswer: true, say })) {
    const { state, reason, at } = run;
    const line = `${at ?? '-'} ${state}${reason === null ? '' : ` ${reason}`}\n`;
    context.terminal.out(context.format === 'table' ? line : `${JSON.stringify(run)}\n`);
    if (isFinalState(state)) return state === 'SUCCEEDED' ? 0 : 1;
  }
  return 1;
}

export const watch: Command = {
  name: 'runs watch',
  summary: 'print every state of a run until it ends, each with the time of the server in UTC',
  usage: 'orrery runs watch ID [--timeout DURATION]',
  example: 'orrery runs watch 0193a1b2-…',
  options: WITHIN,
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const withinMs = durationOf(values, 'timeout');
    const outcome = await untilStopped(tellStates(context, id), withinMs);
    return outcome.stopped === undefined ? outcome.value : leave(context, outcome.stopped, id);
  },
};
