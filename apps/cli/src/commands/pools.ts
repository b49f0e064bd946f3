import { ask } from '../context.js';
import { type Column, renderList } from '../output/render.js';
import type { Command } from './command.js';

interface ListedPool {
  readonly name: string;
  readonly slots: number;
  readonly busy: number;
  readonly waiting: number;
  readonly oldestWaiting: string | null;
}

const LIST = `query { pools { name slots busy waiting oldestWaiting } }`;

const COLUMNS: readonly Column<ListedPool>[] = [
  ['NAME', (pool) => pool.name],
  ['SLOTS', (pool) => pool.slots],
  ['BUSY', (pool) => pool.busy],
  ['WAITING', (pool) => pool.waiting],
  ['OLDEST', (pool) => pool.oldestWaiting],
];

export const pools: readonly Command[] = [
  {
    name: 'pools ls',
    summary: 'list the pools: their slots, and what waits for them',
    usage: 'orrery pools ls',
    example: 'orrery pools ls --output json',
    options: {},
    positionals: { required: 0, names: '' },
    async run(context) {
      const { pools: found } = await ask<{ pools: ListedPool[] }>(context, LIST);
      context.terminal.out(renderList(found, COLUMNS, context.format));
      return 0;
    },
  },
];
