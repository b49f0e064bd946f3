import { Inject } from '@nestjs/common';
import { Args, Extensions, Int, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { CLUSTER_EVENT_KINDS, type ClusterEventKind, OWNERSHIP } from '#core';
import {
  type ClusterEventRow,
  type NodeRow,
  type PartitionRow,
  type Reader,
  listClusterEvents,
  readLags,
  readNodes,
  readPartitions,
} from '#postgres';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import { Requires } from '../driver/roles.js';
import { ClusterEventKindEnum } from '../schema/enums.js';
import {
  type ConnectionOf,
  PageArgs,
  decodeCursor,
  encodeCursor,
  pageOf,
  pageSize,
} from '../schema/page.js';
import {
  Cluster,
  type ClusterEvent,
  ClusterEventConnection,
  type Partition,
  type SchedulerNode,
} from './cluster.model.js';

/** Architecture §4: ownerStaleAfter. */
const STALE_MS = 3_000;
const EVENTS_CURSOR = 'cluster-events';

@Resolver(() => Cluster)
export class ClusterResolver {
  constructor(@Inject(GATEWAY_READER) private readonly reader: Reader) {}

  @Query(() => Cluster, { description: 'The schedulers and the partitions that they own.' })
  @Requires('VIEWER')
  @Extensions({ listSize: 1 })
  async cluster(): Promise<Cluster> {
    const [nodes, partitions, lags] = await Promise.all([
      readNodes(this.reader),
      readPartitions(this.reader),
      readLags(this.reader),
    ]);
    return {
      schedulers: schedulersOf(nodes, partitions),
      partitions: stated(nodes, partitions, lags),
    };
  }

  @ResolveField(() => ClusterEventConnection, {
    description: 'What happened to who owns what, the newest first; the last 20,000 are kept.',
  })
  async events(
    @Args() page: PageArgs,
    @Args('partition', { type: () => Int, nullable: true, description: 'Of this one alone.' })
    partition: number | null,
    @Args('kinds', {
      type: () => [ClusterEventKindEnum],
      nullable: true,
      description: 'Of any of these kinds.',
    })
    kinds: readonly ClusterEventKind[] | null,
  ): Promise<ConnectionOf<ClusterEvent>> {
    const size = pageSize(page.first);
    const [after] = decodeCursor(EVENTS_CURSOR, page.after, ([id]) => Number.isInteger(id)) ?? [];
    const rows = await listClusterEvents(this.reader, {
      partition: partition ?? null,
      kinds: kinds ?? CLUSTER_EVENT_KINDS,
      after: (after as number | undefined) ?? null,
      limit: size + 1,
    });
    return pageOf(rows, size, eventOf, ({ id }) => encodeCursor(EVENTS_CURSOR, id));
  }
}

function eventOf(row: ClusterEventRow): ClusterEvent {
  const { epoch, before, events, granted, finished, ...event } = row;
  const refused = { events: events ?? 0, grants: granted ?? 0, results: finished ?? 0 };
  return {
    ...event,
    epoch: String(epoch),
    from: before,
    refused: row.kind === 'FENCED' ? refused : null,
  };
}

function stated(
  nodes: readonly NodeRow[],
  partitions: readonly PartitionRow[],
  lags: ReadonlyMap<number, number>,
): Partition[] {
  const stats = new Map(nodes.map((node) => [node.thread, node.stats]));
  const fresh = new Set(nodes.filter(({ ageMs }) => ageMs < STALE_MS).map(({ thread }) => thread));
  return partitions.map(({ id, owner, epoch, seq, since, gaveUp, gaveUpWhy }) => ({
    id,
    owner,
    state: gaveUp >= OWNERSHIP.sickAfter ? 'SICK' : stateOf(owner, fresh),
    reason: gaveUpWhy,
    epoch: String(epoch),
    seq: String(seq),
    since,
    commitP99: stats.get(owner ?? '')?.commitP99Ms ?? null,
    lag: lags.get(id) ?? null,
  }));
}

function stateOf(owner: string | null, fresh: ReadonlySet<string>): string {
  if (owner === null) return 'FREE';
  return fresh.has(owner) ? 'OWNED' : 'STALE';
}

function schedulersOf(
  nodes: readonly NodeRow[],
  partitions: readonly PartitionRow[],
): SchedulerNode[] {
  const owned = new Map<string, number>();
  for (const { owner } of partitions) {
    if (owner !== null) owned.set(owner, (owned.get(owner) ?? 0) + 1);
  }
  const names = [...new Set(nodes.map(({ scheduler }) => scheduler))];
  return names.map((name) => ({
    name,
    threads: nodes
      .filter(({ scheduler }) => scheduler === name)
      .map(({ thread, seen, stats }) => ({
        name: thread,
        lastSeen: seen,
        partitions: owned.get(thread) ?? 0,
        commits: stats?.commits ?? null,
        fenced: stats?.fenced ?? null,
        commitP50: stats?.commitP50Ms ?? null,
        commitP99: stats?.commitP99Ms ?? null,
      })),
  }));
}
