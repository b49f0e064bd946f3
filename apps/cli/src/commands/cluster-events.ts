import { CLUSTER_EVENT_KINDS } from '#core';
import { ask } from '../context.js';
import { type Column, counted, renderList, renderTable } from '../output/render.js';
import { misuse } from '../problem.js';
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

/** Of a failover there are as many events as there were partitions: one line of a table. */
interface Told extends ShownEvent {
  readonly partitions: readonly number[];
}
interface Answer {
  readonly cluster: {
    readonly partitions?: readonly object[];
    readonly events: { readonly nodes: readonly ShownEvent[] };
  };
}

const EVENTS = `query($first: Int, $partition: Int, $kinds: [ClusterEventKind!], $isOne: Boolean!) {
  cluster { partitions @include(if: $isOne) { id }
    events(first: $first, partition: $partition, kinds: $kinds) { nodes {
      at kind partition epoch thread from reason refused { events grants results }
    } } }
}`;
const LIMIT_MAX = 200;
const TOGETHER_MS = 2_000;
const NAMED_MAX = 12;

/** The newest first, each after what it follows; several threads may do the same meanwhile. */
function together(events: readonly ShownEvent[]): readonly Told[] {
  const told: Told[] = [];
  const open = new Map<string, { readonly place: number; readonly at: number }>();
  for (const event of events) {
    const { kind, thread, from, reason, partition } = event;
    const key = JSON.stringify([kind, thread, from, reason]);
    const at = Date.parse(event.at);
    const last = open.get(key);
    const line = last === undefined ? undefined : told[last.place];
    if (last === undefined || line === undefined || last.at - at > TOGETHER_MS) {
      open.set(key, { place: told.length, at });
      told.push({ ...event, partitions: [partition] });
      continue;
    }
    told[last.place] = {
      ...line,
      epoch: line.epoch === event.epoch ? event.epoch : '-',
      partitions: [...line.partitions, partition],
      refused: sumOf(line.refused, event.refused),
    };
  }
  return told;
}

function sumOf(a: ShownEvent['refused'], b: ShownEvent['refused']): ShownEvent['refused'] {
  if (a === null || b === null) return a ?? b;
  return {
    events: a.events + b.events,
    grants: a.grants + b.grants,
    results: a.results + b.results,
  };
}

function namesOf({ partitions }: Told): string {
  const ids = [...new Set(partitions)].sort((a, b) => a - b);
  const named = ids.slice(0, NAMED_MAX).join(', ');
  return ids.length > NAMED_MAX ? `${named} …` : named;
}

/** What a table has no columns for: few kinds have it, each its own. */
function aboutOf({ kind, thread, from, reason, refused }: ShownEvent): string {
  if (refused !== null) {
    const { events, grants, results } = refused;
    const parts = [counted(events, 'event'), counted(grants, 'grant'), counted(results, 'result')];
    return `refused: ${parts.join(', ')}`;
  }
  if (reason !== null) return reason;
  if (from === null) return '';
  if (from === thread) return 'anew';
  return kind === 'STOLEN' ? `from ${from}` : `from ${from}, which had left`;
}

const COLUMNS: readonly Column<Told>[] = [
  ['AT', (event) => event.at],
  ['EVENT', (event) => event.kind],
  ['THREAD', (event) => event.thread],
  ['ABOUT', aboutOf],
  ['EPOCH', (event) => event.epoch],
  ['COUNT', (event) => event.partitions.length],
  ['PARTITIONS', namesOf],
];

export const clusterEvents: Command = {
  name: 'cluster events',
  summary: 'list who took which partition, let go of it, or was refused to write, newest first',
  usage: 'orrery cluster events [--kind KIND] [--partition N] [--limit N]',
  example: 'orrery cluster events --kind FENCED,STOLEN',
  more:
    'In the table what a thread did to many partitions within two seconds is one line, at the ' +
    `time of the newest; it is made of the newest ${LIMIT_MAX} events. With json each is told.`,
  options: {
    kind: {
      type: 'string',
      value: 'KIND',
      oneOf: CLUSTER_EVENT_KINDS,
      help: 'only these: STOLEN, or FENCED,STOLEN',
    },
    partition: { type: 'string', value: 'N', help: 'only of this partition' },
    limit: {
      type: 'string',
      default: '20',
      value: 'N',
      help: '1 to 200 of them, in the table lines; else 20',
    },
  },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const kinds = textOf(values, 'kind')?.split(',');
    const limit = wholeOf(values, 'limit', [1, LIMIT_MAX]) ?? 20;
    const partition = wholeOf(values, 'partition', [0, 4095]);
    const { format, terminal } = context;
    const { cluster } = await ask<Answer>(
      context,
      EVENTS,
      given({
        first: format === 'table' ? LIMIT_MAX : limit,
        partition,
        kinds: kinds?.map((each) => wordOf(each, '--kind', CLUSTER_EVENT_KINDS)),
        isOne: partition !== undefined,
      }),
    );
    const count = cluster.partitions?.length;
    if (partition !== undefined && count !== undefined && partition >= count) {
      throw misuse(`--partition is a whole number from 0 to ${count - 1}, not '${partition}'.`);
    }
    const { nodes } = cluster.events;
    const isTable = format === 'table';
    terminal.out(
      isTable
        ? renderTable(together(nodes).slice(0, limit), COLUMNS)
        : renderList(nodes, [], format),
    );
    return 0;
  },
};
