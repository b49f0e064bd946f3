import { setTimeout as delay } from 'node:timers/promises';
import { CommandProblem, type Context, ask } from '../context.js';
import { renderOne } from '../output/render.js';
import { type Command } from './command.js';
import { INTERRUPTED, untilInterrupted } from './wait.js';

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

/** Its end; undefined after Ctrl-C. It is the server's: whoever stops looking does not stop it. */
export async function followBulk(context: Context, id: string): Promise<Bulk | undefined> {
  const { terminal } = context;
  const stop = new AbortController();
  const end = async (): Promise<Bulk> => {
    for (;;) {
      const bulk = await look(context, id);
      if (bulk.state !== 'RUNNING') return bulk;
      const { action, applied, matched } = bulk;
      if (terminal.isTerminal) terminal.err(`\r\u001b[K${id} ${action} ${applied} of ${matched}`);
      await delay(LOOK_MS, undefined, { signal: stop.signal });
    }
  };
  const ended = end();
  // After Ctrl-C nobody waits for it.
  ended.catch(() => undefined);
  try {
    return await untilInterrupted(ended);
  } finally {
    stop.abort();
    if (terminal.isTerminal) terminal.err('\r\u001b[K');
  }
}

export const goesOn = (id: string): string =>
  `It goes on without this command. To see how far it is:\n  npx orrery bulk get ${id}\n`;

/** What a command that has followed it ends with. */
export function exitOf(context: Context, bulk: Bulk | undefined, id: string): number {
  if (bulk === undefined) {
    context.terminal.err(goesOn(id));
    return INTERRUPTED;
  }
  if (bulk.state !== 'FAILED') return 0;
  throw new CommandProblem(bulk.failure ?? `The action ${id} has failed.`);
}

export const bulkGet: Command = {
  name: 'bulk get',
  summary: 'show how far an action on many runs is',
  usage: 'orrery bulk get ID [--wait]',
  example: 'orrery bulk get 0193a1b2-… --wait',
  options: { wait: { type: 'boolean', help: 'until it is over' } },
  positionals: { required: 1, names: 'ID' },
  async run(context, values, [id = '']) {
    const isAwaited = values['wait'] === true;
    const bulk = isAwaited ? await followBulk(context, id) : await look(context, id);
    if (bulk !== undefined) context.terminal.out(renderOne({ ...bulk }, context.format));
    return isAwaited ? exitOf(context, bulk, id) : 0;
  },
};
