import { ask } from '../context.js';
import { type Column, counted, renderOne, renderTable } from '../output/render.js';
import type { Command } from './command.js';
import { type Seen, agoOf, seenIn } from './seen.js';

interface ShownThread {
  readonly name: string;
  readonly lastSeen: string;
  readonly partitions: number;
  readonly commits: number | null;
  readonly fenced: number | null;
  readonly commitP50: string | null;
  readonly commitP99: string | null;
}
interface ShownPartition {
  readonly id: number;
  readonly owner: string | null;
  readonly state: string;
  readonly epoch: string;
  readonly seq: string;
  readonly since: string;
  readonly commitP99: string | null;
  readonly lag: string | null;
}
interface ShownCluster {
  readonly schedulers: readonly { readonly threads: readonly ShownThread[] }[];
  readonly partitions: readonly ShownPartition[];
}

const CLUSTER = `query { cluster {
  schedulers { name threads { name lastSeen partitions commits fenced commitP50 commitP99 } }
  partitions { id owner state epoch seq since commitP99 lag }
} }`;

const THREADS: readonly Column<ShownThread & Seen>[] = [
  ['THREAD', (thread) => thread.name],
  ['PARTITIONS', (thread) => thread.partitions],
  ['COMMITS', (thread) => thread.commits],
  ['P50', (thread) => thread.commitP50],
  ['P99', (thread) => thread.commitP99],
  ['FENCED', (thread) => thread.fenced],
  ['SEEN', ({ ageMs, isStale }) => `${agoOf(ageMs)}${isStale ? ', STALE' : ''}`],
];
const PARTITIONS: readonly Column<ShownPartition>[] = [
  ['PARTITION', (partition) => partition.id],
  ['OWNER', (partition) => partition.owner],
  ['STATE', (partition) => partition.state],
  ['EPOCH', (partition) => partition.epoch],
  ['EVENTS', (partition) => partition.seq],
  ['LAG', (partition) => partition.lag],
  ['SINCE', (partition) => partition.since],
];

/** The threads stand last, where a terminal ends: of partitions what needs a look, or else all. */
function tablesOf(found: ShownCluster, isAll: boolean, clock: number): string {
  const { partitions, schedulers } = found;
  const rest = partitions.filter(({ state }) => state !== 'OWNED');
  const shown = isAll ? partitions : rest;
  const owned = partitions.length - rest.length;
  const all = counted(partitions.length, 'partition');
  const count =
    rest.length === 0
      ? `${all}, all OWNED`
      : `${owned} of ${all} OWNED${isAll ? '' : '; these are not:'}`;
  const seen = seenIn(found, clock);
  const threads = schedulers.flatMap((scheduler) => scheduler.threads);
  return [
    `${count}\n${shown.length === 0 ? '' : renderTable(shown, PARTITIONS)}`,
    renderTable(
      threads.map((thread) => ({ ...thread, ...seen(thread) })),
      THREADS,
    ),
  ].join('\n');
}

export const cluster: Command = {
  name: 'cluster',
  summary: 'show the scheduler threads and who owns the partitions, and how they do',
  usage: 'orrery cluster [--partitions]',
  example: 'orrery cluster --output json',
  more:
    'Of the partitions the table has those that are not OWNED, or all with --partitions; json ' +
    'has all of them. A thread that has not been seen for 3 s is STALE: it is stopped or cut off.',
  options: { partitions: { type: 'boolean', help: 'every partition, also those that are OWNED' } },
  positionals: { required: 0, names: '' },
  async run(context, values) {
    const { cluster: found } = await ask<{ cluster: ShownCluster }>(context, CLUSTER);
    const isAll = values['partitions'] === true;
    const { format, terminal } = context;
    terminal.out(
      format === 'table' ? tablesOf(found, isAll, Date.now()) : renderOne(found, format),
    );
    return 0;
  },
};
