import { stringifyJson } from '#protocol';
import type { Context } from '../context.js';
import { misuse } from '../problem.js';
import { type Command } from './command.js';
import { durationOf, wholeOf } from './values.js';
import { type LogOf, followLog, logOf, printLog } from './log.js';
import { TIMED_OUT, untilStopped } from './stop.js';
import { WITHIN, leave } from './wait.js';

const ATTEMPT_MAX = 1_000_000;

async function follow(context: Context, of: LogOf, withinMs: number | undefined): Promise<number> {
  const leaving = new AbortController();
  const done = followLog(context, of, leaving.signal);
  try {
    const { stopped } = await untilStopped(done, withinMs);
    // Who presses Ctrl-C has seen enough.
    return stopped === TIMED_OUT ? leave(context, stopped, of.id) : (stopped ?? 0);
  } finally {
    leaving.abort();
  }
}

export const logs: Command = {
  name: 'runs logs',
  summary: 'print what a run wrote',
  usage: 'orrery runs logs ID [--follow] [--attempt N] [--timeout DURATION]',
  example: 'orrery runs logs 0193a1b2-… --follow',
  options: {
    follow: {
      type: 'boolean',
      short: 'f',
      help: 'go on with what it writes, until it ends or Ctrl-C',
    },
    attempt: { type: 'string', value: 'N', help: 'only of this attempt: 1 is the first' },
    ...WITHIN,
  },
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const of = { id, attempt: wholeOf(values, 'attempt', [1, ATTEMPT_MAX]) };
    const withinMs = durationOf(values, 'timeout');
    if (values['follow'] === true) return await follow(context, of, withinMs);
    if (withinMs !== undefined) throw misuse('--timeout is for --follow.');
    if (context.format === 'table') await printLog(context, of);
    else context.terminal.out(`${stringifyJson({ id, ...(await logOf(context, of)) })}\n`);
    return 0;
  },
};
