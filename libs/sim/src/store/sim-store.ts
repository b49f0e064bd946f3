import type {
  CommitOutcome,
  Millis,
  PartitionWrites,
  Reply,
  Specification,
  Store,
  StoreControl,
  StoreReads,
} from '#core';
import { commitTo } from './commit.js';
import type { DatabaseLink, Served } from './link.js';
import { expiriesOf, heldOf, inboxOf, laneHead, loadOf, runsOf, viewOf } from './loads.js';
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
  return {
    touch: ({ thread, session }, reply) =>
      ask(
        link,
        () => {
          tables.nodes.set(thread, { thread, session, seen: server.at });
          return viewOf(tables, server.at);
        },
        reply,
      ),
    leave: ({ thread, session }, reply) =>
      ask(
        link,
        () => {
          if (tables.nodes.get(thread)?.session === session) tables.nodes.delete(thread);
        },
        reply,
      ),
    claim: ({ partition, expected, thread }, reply) =>
      ask(
        link,
        () => {
          const table = tables.partition(partition);
          if (table.epoch !== expected) return undefined;
          const { at } = server;
          const free = { wantedBy: null, wantedAt: null };
          Object.assign(table, { epoch: expected + 1, owner: thread, claimedAt: at, ...free });
          return table.epoch;
        },
        reply,
      ),
    load: (of, reply) => ask(link, () => loadOf(tables, of), reply),
    release: (partition, epoch, _reason, reply) =>
      ask(
        link,
        () => {
          const table = tables.partition(partition);
          if (table.epoch === epoch) table.owner = null;
        },
        reply,
      ),
    giveUp: (partition, epoch, _reason, reply) =>
      ask(
        link,
        () => {
          const table = tables.partition(partition);
          if (table.epoch !== epoch) return;
          const { at } = server;
          const isInARow = table.gaveUpAt !== null && table.gaveUpAt > at - IN_A_ROW_MS;
          const gaveUp = isInARow ? table.gaveUp + 1 : 1;
          Object.assign(table, { owner: null, gaveUp, gaveUpAt: at });
        },
        reply,
      ),
    want: (partition, thread, reply) =>
      ask(
        link,
        () => {
          const table = tables.partition(partition);
          if (table.wantedBy === thread) return;
          table.wantedBy = thread;
          table.wantedAt = server.at;
        },
        reply,
      ),
  };
}
