import { ask } from '../context.js';
import { type Column, renderList } from '../output/render.js';
import type { Command } from './command.js';

interface ListedExecutor {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly pool: { readonly name: string };
  readonly slots: number;
  readonly since: string | null;
  readonly capabilities: unknown;
}

const LIST = `query {
  executors(first: 200) { nodes { id name state pool { name } slots since capabilities } }
}`;

const COLUMNS: readonly Column<ListedExecutor>[] = [
  ['ID', (executor) => executor.id],
  ['STATE', (executor) => executor.state],
  ['POOL', (executor) => executor.pool.name],
  ['SLOTS', (executor) => executor.slots],
  ['SINCE', (executor) => executor.since],
];

export const executors: readonly Command[] = [
  {
    name: 'executors ls',
    summary: 'list the executors',
    usage: 'orrery executors ls',
    example: 'orrery executors ls --output json',
    options: {},
    positionals: { required: 0, names: '' },
    async run(context) {
      const { executors: found } = await ask<{ executors: { nodes: ListedExecutor[] } }>(
        context,
        LIST,
      );
      context.terminal.out(renderList(found.nodes, COLUMNS, context.format));
      return 0;
    },
  },
];
