import {
  type Claim,
  type CommitOutcome,
  type Millis,
  OWNERSHIP,
  type PartitionWrites,
  type Reply,
  type Specification,
  type Store,
  type StoreControl,
  type StoreReads,
} from '#core';
import { commitTo } from './commit.js';
import type { DatabaseLink, Served } from './link.js';
import {
  expiriesOf,
  heldOf,
  inboxOf,
  laneHead,
  lanesOf,
  loadsOf,
  runsOf,
  viewOf,
} from './loads.js';
import type { DatabaseServer } from './server.js';
import type { Tables } from './tables.js';

/** Owners that give up a partition after a longer time were well in between. */
const IN_A_ROW_MS = 300_000;

export interface StoreLinks {
  readonly commits: DatabaseLink;
  readonly reads: DatabaseLink;
  readonly control: DatabaseLink;
}
export interface Committing {
  readonly writes: readonly PartitionWrites[];
  readonly outcome: CommitOutcome;
}

/** The store of one simulated thread. */
export class SimStore implements Store {
  readonly reads: StoreReads;
  readonly control: StoreControl;
  private readonly known = new Map<string, Specification>();

  constructor(
    private readonly server: DatabaseServer,
    private readonly links: StoreLinks,
    /** What the server has done, for the checks. */
    private readonly committed: (committing: Committing) => void,
  ) {
    this.reads = this.readsOn(links.reads);
    this.control = controlOn(server, links.control);
  }

  commit(
    writes: readonly PartitionWrites[],
    notBefore: Millis | null,
    reply: (outcome: CommitOutcome) => void,
  ): void {
    const { server } = this;
    const serve = (): CommitOutcome => {
      const outcome = commitTo(server.tables, writes, notBefore, server.at);
      this.committed({ writes, outcome });
      return outcome;
    };
    this.links.commits.call(serve, (served) => {
      if (served.kind === 'answer') reply(served.value);
      else {
        const kind = served.kind === 'refused' ? 'rejected-now' : 'unknown';
        reply({ kind: 'failed', failure: { kind, error: new Error(served.kind) } });
      }
    });
  }

  specification(project: string, spec: string): Specification | undefined {
    return this.known.get(`${project}/${spec}`);
  }

  private readsOn(link: DatabaseLink): StoreReads {
    const { server } = this;
    const { tables } = server;
    return {
      runs: (ids, reply) => ask(link, () => runsOf(tables, ids), reply),
      lane: (of, reply) => ask(link, () => laneHead(tables, of), reply),
      lanes: (of, reply) => ask(link, () => lanesOf(tables, of), reply),
      expiries: ({ partition, after, window }, reply) =>
        ask(link, () => expiriesOf(tables.partition(partition), after, window), reply),
      hold: (job, reply) => ask(link, () => tables.holds.get(job) ?? null, reply),
      held: (of, reply) => ask(link, () => heldOf(tables, of), reply),
      inbox: (partitions, each, reply) => ask(link, () => inboxOf(tables, partitions, each), reply),
      bodies: ({ specifications, paramsOf }, reply) =>
        ask(link, () => this.bodies(specifications, paramsOf), reply),
    };
  }

  private bodies(
    refs: readonly { readonly project: string; readonly spec: string }[],
    paramsOf: readonly string[],
  ) {
    const { tables } = this.server;
    for (const { project, spec } of refs) {
      const key = `${project}/${spec}`;
      const found = tables.specifications.get(key);
      if (found !== undefined) this.known.set(key, found);
    }
    const params = new Map(paramsOf.map((id) => [id, paramsIn(tables, id) ?? 'null'] as const));
    const specification = (project: string, spec: string) => this.specification(project, spec);
    return { params, specification };
  }
}

const paramsIn = (tables: Tables, id: string): string | null =>
  tables.find(id)?.live.params ?? null;

function ask<T>(link: DatabaseLink, serve: () => T, reply: Reply<T>): void {
  link.call(serve, (served: Served<T>) =>
    reply(served.kind === 'answer' ? served.value : new Error(`a call is ${served.kind}`)),
  );
}

function controlOn(server: DatabaseServer, link: DatabaseLink): StoreControl {
  const { tables } = server;
  const served = <T>(reply: Reply<T>, serve: () => T): void => ask(link, serve, reply);
  return {
    touch: ({ thread, session, stats }, reply) =>
      served(reply, () => {
        const hearsMs = stats?.hearsMs ?? 0;
        tables.nodes.set(thread, { thread, session, seen: server.at, hearsMs });
        return viewOf(tables, server.at);
      }),
    leave: ({ thread, session }, reply) =>
      served(reply, () => {
        if (tables.nodes.get(thread)?.session === session) tables.nodes.delete(thread);
      }),
    claim: ({ claims, thread }, reply) =>
      served(reply, () => new Map(claims.flatMap((each) => claim(server, thread, each)))),
    load: (wanted, reply) => served(reply, () => loadsOf(tables, wanted)),
    release: (held, reason, reply) =>
      served(reply, () => {
        for (const { partition, epoch } of held) release(server, partition, epoch, reason);
      }),
    giveUp: (partition, epoch, reason, reply) =>
      served(reply, () => giveUp(server, partition, epoch, reason)),
    want: (partition, thread, reply) =>
      served(reply, () => {
        const table = tables.partition(partition);
        const isOld = server.at - (table.wantedAt ?? 0) > OWNERSHIP.wantLastsMs;
        if (table.wantedBy === thread && !isOld) return;
        table.wantedBy = thread;
        table.wantedAt = server.at;
      }),
    fenced: (thread, fences, reply) =>
      served(reply, () => {
        for (const { partition, epoch, ...refused } of fences) {
          tables.tell({ ...event(server, partition, epoch, thread), kind: 'FENCED', refused });
        }
      }),
  };
}

const event = ({ at }: DatabaseServer, partition: number, epoch: number, thread: string) =>
  ({ partition, epoch, thread, at, before: null, reason: null, refused: null }) as const;

/** Its new epoch, unless it had moved on. */
function claim(
  server: DatabaseServer,
  thread: string,
  { partition, expected }: Claim,
): [number, number][] {
  const { tables, at } = server;
  const table = tables.partition(partition);
  if (table.epoch !== expected) return [];
  const before = table.owner;
  const isStolen = before !== null && before !== thread && tables.nodes.has(before);
  const free = { wantedBy: null, wantedAt: null };
  Object.assign(table, { epoch: expected + 1, owner: thread, claimedAt: at, ...free });
  const kind = isStolen ? 'STOLEN' : 'CLAIMED';
  tables.tell({ ...event(server, partition, table.epoch, thread), kind, before });
  return [[partition, table.epoch]];
}

function release(server: DatabaseServer, partition: number, epoch: number, reason: string): void {
  const table = server.tables.partition(partition);
  if (table.epoch !== epoch) return;
  const { owner } = table;
  table.owner = null;
  if (owner === null) return;
  server.tables.tell({ ...event(server, partition, epoch, owner), kind: 'RELEASED', reason });
}

function giveUp(server: DatabaseServer, partition: number, epoch: number, reason: string): void {
  const { tables, at } = server;
  const table = tables.partition(partition);
  if (table.epoch !== epoch) return;
  release(server, partition, epoch, reason);
  const isInARow = table.gaveUpAt !== null && table.gaveUpAt > at - IN_A_ROW_MS;
  Object.assign(table, { gaveUp: isInARow ? table.gaveUp + 1 : 1, gaveUpAt: at });
}
