import { ask } from '../context.js';
import { type Column, renderList, renderOne } from '../output/render.js';
import { type UserError, refuse } from '../problem.js';
import type { Command, Options } from './command.js';
import { REASON, durationTextOf, given, textOf } from './values.js';

interface ListedExecutor {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly pool: { readonly name: string };
  readonly slots: number;
  readonly since: string | null;
  readonly busy: number;
  readonly capabilities: unknown;
  readonly closed: { readonly by: string; readonly reason: string } | null;
}

const LIST = `query {
  executors(first: 200) { nodes {
    id name state pool { name } slots busy since capabilities closed { as by reason at emptyBy }
  } }
}`;

const COLUMNS: readonly Column<ListedExecutor>[] = [
  ['ID', (executor) => executor.id],
  ['STATE', (executor) => executor.state],
  ['POOL', (executor) => executor.pool.name],
  ['SLOTS', (executor) => executor.slots],
  ['BUSY', (executor) => executor.busy],
  ['SINCE', (executor) => executor.since],
  ['WHY', ({ closed }) => closed && [closed.by, closed.reason].filter(Boolean).join(': ')],
];

interface Payload {
  readonly executor: object | null;
  readonly changed: boolean;
  readonly pending: boolean;
  readonly userErrors: readonly UserError[];
}

const mutationOf = (field: string): string => `mutation($input: ExecutorActionInput!) {
  ${field}(input: $input) {
    changed pending executor { id state busy closed { as by reason at emptyBy } }
    userErrors { code path message hint }
  }
}`;

/** Who is given nothing new, or work again. */
function closing(
  verb: 'drain' | 'cordon' | 'activate',
  summary: string,
  example: string,
  more: Options = {},
): Command {
  const field = `${verb}Executor` as const;
  const deadline = 'deadline' in more ? ' [--deadline TIME]' : '';
  return {
    name: `executors ${verb}`,
    summary,
    usage: `orrery executors ${verb} ID${deadline} [--reason TEXT]`,
    example,
    options: { ...more, ...REASON },
    positionals: { required: 1, names: 'ID' },
    async run(context, values, [id = '']) {
      const within = 'deadline' in more ? durationTextOf(values, 'deadline') : undefined;
      const input = { id, ...given({ deadline: within, reason: textOf(values, 'reason') }) };
      const done = await ask<Record<string, Payload>>(context, mutationOf(field), { input });
      const { userErrors = [], executor, changed, pending } = done[field] ?? {};
      refuse(userErrors);
      context.terminal.out(renderOne({ ...executor, changed, pending }, context.format));
      return 0;
    },
  };
}

const DEADLINE = {
  deadline: {
    type: 'string',
    value: 'TIME',
    help: 'how long what runs may go on: then it is stopped, and runs elsewhere',
  },
} as const;

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
  closing(
    'drain',
    'give an executor nothing new and let it become empty',
    "orrery executors drain executor-1 --deadline 10m --reason 'new disk'",
    DEADLINE,
  ),
  closing(
    'cordon',
    'give an executor nothing new; what it has stays with it',
    'orrery executors cordon executor-1',
  ),
  closing(
    'activate',
    'give an executor work again that was drained or cordoned',
    'orrery executors activate executor-1',
  ),
];
