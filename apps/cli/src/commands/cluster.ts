import { ask } from '../context.js';
import { type Column, renderOne, renderTable } from '../output/render.js';
import type { Command } from './command.js';

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

const THREADS: readonly Column<ShownThread>[] = [
  ['THREAD', (thread) => thread.name],
  ['PARTITIONS', (thread) => thread.partitions],
  ['COMMITS', (thread) => thread.commits],
  ['P50', (thread) => thread.commitP50],
  ['P99', (thread) => thread.commitP99],
  ['FENCED', (thread) => thread.fenced],
  ['LAST SEEN', (thread) => thread.lastSeen],
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

export const cluster: Command = {
  name: 'cluster',
  summary: 'show the scheduler threads and the partitions: who owns what, and how they do',
  usage: 'orrery cluster',
  example: 'orrery cluster --output json',
  options: {},
  positionals: { required: 0, names: '' },
  async run(context) {
    const { cluster: found } = await ask<{ cluster: ShownCluster }>(context, CLUSTER);
    const threads = found.schedulers.flatMap((scheduler) => scheduler.threads);
    const tables = [renderTable(threads, THREADS), renderTable(found.partitions, PARTITIONS)];
    const isTable = context.format === 'table';
    context.terminal.out(isTable ? tables.join('\n') : renderOne(found, context.format));
    return 0;
  },
};
