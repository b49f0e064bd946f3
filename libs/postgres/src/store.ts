import type {
  Bodies,
  BodiesWanted,
  Claimed,
  ClaimsWanted,
  CommitOutcome,
  PartitionWrites,
  Reply,
  Specification,
  Store,
  StoreControl,
  StoreReads,
} from '#core';
import { commitBatch } from './commit.js';
import type { Connection } from './connection.js';
import { loadHeld, loadHold } from './holds.js';
import {
  FIRST_ID,
  fetchParams,
  fetchRuns,
  loadExpiries,
  loadLane,
  loadLanes,
  loadPartitions,
  sweepInbox,
} from './load.js';
import { classify } from './outcome.js';
import {
  claimPartitions,
  giveUpPartition,
  leaveNode,
  releasePartitions,
  tellFences,
  touchNode,
  wantPartition,
} from './ownership.js';
import { Specifications } from './specifications.js';

export interface StoreConnections {
  readonly commits: Connection;
  readonly reads: Connection;
  readonly control: Connection;
}

/** The store of a scheduler thread, on connections of its own. */
export class PostgresStore implements Store {
  readonly reads: StoreReads;
  readonly control: StoreControl;
  private readonly commits: Connection;
  private readonly specifications = new Specifications();

  constructor({ commits, reads, control }: StoreConnections) {
    this.commits = commits;
    this.reads = readsOn(reads, this.specifications);
    this.control = controlOn(control, this.specifications);
  }

  commit(
    writes: readonly PartitionWrites[],
    notBefore: number | null,
    reply: (outcome: CommitOutcome) => void,
  ): void {
    commitBatch(this.commits, writes, notBefore).then(
      (committed) => reply({ kind: 'committed', committed }),
      (error: unknown) => reply({ kind: 'failed', failure: classify(error) }),
    );
  }

  specification(project: string, spec: string): Specification | undefined {
    return this.specifications.get(project, spec);
  }
}

function readsOn(on: Connection, specifications: Specifications): StoreReads {
  return {
    runs: (ids, reply) => answer(fetchRuns(on, ids, specifications), reply),
    lane: (of, reply) => answer(loadLane(on, of, specifications), reply),
    lanes: (of, reply) => answer(loadLanes(on, of), reply),
    expiries: (of, reply) => answer(loadExpiries(on, of), reply),
    hold: (job, reply) => answer(loadHold(on, job), reply),
    held: (of, reply) => answer(loadHeld(on, of, specifications), reply),
    bodies: (of, reply) => answer(bodies(on, of, specifications), reply),
    inbox(partitions, each, reply) {
      const from = partitions.map((partition) => ({ partition, after: FIRST_ID }));
      answer(sweepInbox(on, from, each, specifications), reply);
    },
  };
}

function controlOn(on: Connection, specifications: Specifications): StoreControl {
  return {
    touch: ({ thread, session, scheduler, stats }, reply) =>
      answer(touchNode(on, thread, session, scheduler, stats), reply),
    leave: ({ thread, session }, reply) => answer(leaveNode(on, thread, session), reply),
    claim: (wanted, reply) => answer(claim(on, wanted), reply),
    load: (wanted, reply) => answer(loadPartitions(on, wanted, specifications), reply),
    release: (held, reason, reply) => answer(releasePartitions(on, held, reason), reply),
    giveUp: (partition, epoch, reason, reply) =>
      answer(giveUpPartition(on, partition, epoch, reason), reply),
    want: (partition, thread, reply) => answer(wantPartition(on, partition, thread), reply),
    fenced: (thread, fences, reply) => answer(tellFences(on, thread, fences), reply),
  };
}

async function claim(on: Connection, wanted: ClaimsWanted): Promise<Claimed> {
  const claimed = await claimPartitions(on, wanted);
  return new Map([...claimed].map(([partition, of]) => [partition, of?.epoch ?? null]));
}

async function bodies(
  on: Connection,
  wanted: BodiesWanted,
  specifications: Specifications,
): Promise<Bodies> {
  const found = await specifications.find(on, wanted.specifications);
  const { paramsOf } = wanted;
  const params = paramsOf.length === 0 ? new Map() : await fetchParams(on, paramsOf);
  return { params, specification: (project, spec) => found.get(project, spec) };
}

function answer<T>(asked: Promise<T>, reply: Reply<T>): void {
  asked.then(reply, (error: unknown) => {
    reply(error instanceof Error ? error : new Error(String(error)));
  });
}
