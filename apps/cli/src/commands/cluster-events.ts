import { CLUSTER_EVENT_KINDS } from '#core';
import { ask } from '../context.js';
import { type Column, renderList } from '../output/render.js';
import type { Command } from './command.js';
import { given, textOf, wholeOf, wordOf } from './values.js';

interface ShownEvent {
  readonly at: string;
  readonly kind: string;
  readonly partition: number;
  readonly epoch: string;
  readonly thread: string;
  readonly from: string | null;
  readonly reason: string | null;
  readonly refused: {
    readonly events: number;
    readonly grants: number;
    readonly results: number;
  } | null;
}

const EVENTS = `query($first: Int, $partition: Int, $kinds: [ClusterEventKind!]) {
  cluster { events(first: $first, partition: $partition, kinds: $kinds) { nodes {
    at kind partition epoch thread from reason refused { events grants results }
  } } }
}`;

/** What a table has no columns for: few kinds have it, each its own. */
function aboutOf({ kind, thread, from, reason, refused }: ShownEvent): string {
  if (refused !== null) {
    const { events, grants, results } = refused;
    return `refused: ${events} events, ${grants} grants, ${results} results`;
  }
  if (reason !== null) return reason;
  if (from === null) return '';
  if (from === thread) return 'anew';
  return kind === 'STOLEN' ? `from ${from}` : `from ${from}, which had left`;
}

const COLUMNS: readonly Column<ShownEvent>[] = [
  ['AT', (event) => event.at],
  ['EVENT', (event) => event.kind],
  ['PARTITION', (event) => event.partition],
  ['EPOCH', (event) => event.epoch],
  ['THREAD', (event) => event.thread],
  ['ABOUT', aboutOf],
];

export const clusterEvents: Command = {
  name: 'cluster events',
  summary: 'list who took which partition, let go of it, or was refused to write, newest first',
  usage: 'orrery cluster events [--kind KIND] [--partition N] [--limit N]',
  example: 'orrery cluster events --kind FENCED,STOLEN',
  options: {
    kind: {
      type: 'string',
      value: 'KIND',
      oneOf: CLUSTER_EVENT_KINDS,
      help: 'only these: STOLEN, or FENCED,STOLEN',
    },
    partition: { type: 'string', value: 'N', help: 'only of this partition' },
    limit: { type: 'string', default: '20', value: 'N', help: '1 to 200 of them; else 20' },
  },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const kinds = textOf(values, 'kind')?.split(',');
    const { cluster } = await ask<{ cluster: { events: { nodes: ShownEvent[] } } }>(
      context,
      EVENTS,
      given({
        first: wholeOf(values, 'limit', [1, 200]) ?? 20,
        partition: wholeOf(values, 'partition', [0, 4095]),
        kinds: kinds?.map((each) => wordOf(each, '--kind', CLUSTER_EVENT_KINDS)),
      }),
    );
    context.terminal.out(renderList(cluster.events.nodes, COLUMNS, context.format));
    return 0;
  },
};
