import { randomUUID } from 'node:crypto';
import {
  type Cell,
  type Claimed,
  type ClusterView,
  type CommitOutcome,
  INBOX_COMMAND,
  type InboxRow,
  type Millis,
  type PartitionWrites,
  type Policy,
  type Reply,
  type Store,
  laneOf,
  noWrites,
  partitionOf,
} from '#core';
import { Connection, PostgresStore, Reader, intakeBatch, listClusterEvents } from '#postgres';
import { encodeCommand } from '#protocol';
import { startTestDatabase } from '../../../../../test/support/database.js';
import { Broker } from '../../broker/broker.js';
import { World } from '../../kernel/world.js';
import { GatewayNode, PROJECT, type Submission } from '../../nodes/gateway.js';
import { encodeScript } from '../../nodes/job.js';
import { Process } from '../../nodes/process.js';
import { SPECIFICATIONS } from '../../workload.js';
import { DatabaseLink } from '../link.js';
import { DatabaseServer } from '../server.js';
import { SimStore } from '../sim-store.js';

export const PARTITIONS = 4;
const SPEC = '00000000-0000-4000-8000-0000000000bb';
const policy = SPECIFICATIONS['plain'] as Policy;

/** A store, and who writes into it beside its threads. */
export interface StoreWorld {
  readonly store: Store;
  /** As a gateway: answers the run's id. */
  submit(of?: Partial<Submission>): Promise<string>;
  pause(run: string): Promise<string>;
  /** Of a partition, the oldest first; without when. */
  clusterEvents(partition: number): Promise<readonly object[]>;
  ask<T>(question: (reply: Reply<T>) => void): Promise<T>;
  commit(writes: readonly PartitionWrites[], notBefore?: Millis): Promise<CommitOutcome>;
  stop(): Promise<void>;
}

const submissionOf = (of: Partial<Submission>): Submission => ({
  spec: SPEC,
  job: null,
  afterMs: null,
  startDeadlineMs: null,
  priority: 5,
  script: { ms: 1, ends: ['SUCCEEDED'], result: '1' },
  ...of,
});

const sound = <T>(answer: T | Error): T => {
  if (answer instanceof Error) throw answer;
  return answer;
};

function simulated(): StoreWorld {
  const world = new World(1);
  const server = new DatabaseServer(world, PARTITIONS);
  const process = new Process(world, 't1', 1);
  process.begin();
  const link = (): DatabaseLink => new DatabaseLink(server, process.after);
  const links = { commits: link(), reads: link(), control: link() };
  const store = new SimStore(server, links, () => undefined);
  const gateway = new GatewayNode(world, server, new Broker(world, true));
  gateway.start();
  gateway.define(SPEC, policy);
  const settle = (): void => void world.runUntil(world.now + 50);
  const now = <T>(ask: (reply: (answer: T) => void) => void): T => {
    let answered: { readonly answer: T } | undefined;
    ask((answer) => {
      answered = { answer };
    });
    settle();
    if (answered === undefined) throw new Error('nobody has answered');
    return answered.answer;
  };
  return {
    store,
    async submit(of = {}) {
      gateway.submit(submissionOf(of));
      settle();
      return [...gateway.sent].at(-1) as string;
    },
    async pause(run) {
      gateway.command(run, { kind: 'pause' });
      settle();
      return [...gateway.commands.keys()].at(-1) as string;
    },
    async clusterEvents(partition) {
      return server.tables.clusterEvents
        .filter((each) => each.partition === partition)
        .map((each) => ({ ...each, at: undefined }));
    },
    ask: async (question) => sound(now(question)),
    commit: async (writes, notBefore) =>
      now((reply) => store.commit(writes, notBefore ?? null, reply)),
    stop: async () => undefined,
  };
}

async function real(): Promise<StoreWorld> {
  const database = await startTestDatabase(PARTITIONS);
  const { url } = database;
  const name = 'orrery/t1/s';
  const connect = () => new Connection({ url, role: 'orrery_scheduler', name, pinned: true });
  const links = { commits: connect(), reads: connect(), control: connect() };
  const intake = new Connection({ url, role: 'orrery_intake', name, pinned: true });
  const store = new PostgresStore(links);
  const reader = new Reader({ url, name, role: 'orrery_gateway_read' });
  const none = { specifications: [], runs: [], commands: [], keys: [] };
  return {
    store,
    async submit(of = {}) {
      const { spec, job, afterMs, startDeadlineMs, priority, script } = submissionOf(of);
      const id = randomUUID();
      const key = { pool: 'default', need: 'shell', project: PROJECT, priority };
      const run = {
        ...key,
        id,
        partition: partitionOf(id, PARTITIONS),
        job,
        jobVersion: null,
        spec,
        kind: 'SHELL' as const,
        lane: laneOf(key),
        at: null,
        afterMs,
        startDeadlineMs,
        retryOf: null,
        params: encodeScript(script),
        labels: null,
      };
      const specifications = [{ project: PROJECT, hash: spec, body: '{}', policy }];
      await intakeBatch(intake, { ...none, id: randomUUID(), specifications, runs: [run] });
      return id;
    },
    async pause(run) {
      const id = randomUUID();
      const payload = encodeCommand({ kind: 'pause', by: 'somebody', reason: 'asked' });
      const partition = partitionOf(run, PARTITIONS);
      const command = { id, partition, kind: INBOX_COMMAND, ref: run, payload };
      await intakeBatch(intake, { ...none, id: randomUUID(), commands: [command] });
      return id;
    },
    async clusterEvents(partition) {
      const all = { partition, kinds: null, after: null, limit: 200 };
      const found = await listClusterEvents(reader, all);
      return found.reverse().map(({ events, granted, finished, ...each }) => ({
        ...each,
        id: undefined,
        at: undefined,
        refused: events === null ? null : { events, granted, finished },
      }));
    },
    ask: async (question) => sound(await new Promise((reply) => question(reply))),
    commit: async (writes, notBefore) =>
      await new Promise((reply) => store.commit(writes, notBefore ?? null, reply)),
    async stop() {
      for (const connection of [...Object.values(links), intake]) await connection.stop();
      await reader.stop();
      await database.stop();
    },
  };
}

export const STORES: readonly (readonly [name: string, open: () => Promise<StoreWorld>])[] = [
  ['the simulated store', async () => simulated()],
  ['PostgreSQL', real],
];
export const failureOf = (outcome: CommitOutcome): string =>
  outcome.kind === 'failed' ? outcome.failure.kind : outcome.kind;

/** What both are asked, and the epochs that one thread owns. */
export class Owner {
  readonly epochs = new Map<number, number>();

  constructor(readonly world: StoreWorld) {}

  async claimAll(): Promise<void> {
    const { store } = this.world;
    const node = { thread: 't1', session: 's', scheduler: 't1' };
    const view = await this.world.ask<ClusterView>((reply) => store.control.touch(node, reply));
    for (const { id: partition, epoch } of view.partitions) {
      this.epochs.set(partition, (await this.claim(partition, epoch, 't1')) as number);
    }
  }

  /** By any thread. Undefined: the epoch had moved on. */
  async claim(partition: number, expected: number, thread: string): Promise<number | undefined> {
    const wanted = { claims: [{ partition, expected }], thread };
    const { control } = this.world.store;
    const epochs = await this.world.ask<Claimed>((reply) => control.claim(wanted, reply));
    return epochs.get(partition) ?? undefined;
  }

  epoch(partition: number): number {
    return this.epochs.get(partition) ?? 0;
  }

  async inbox(partition?: number, each = 100): Promise<readonly InboxRow[]> {
    const partitions = partition === undefined ? [...this.epochs.keys()] : [partition];
    const { reads } = this.world.store;
    return await this.world.ask((reply) => reads.inbox(partitions, each, reply));
  }

  /** The run as its owner reads it from the inbox. */
  async fresh(of?: Partial<Submission>): Promise<Cell> {
    const run = await this.world.submit(of);
    const rows = await this.inbox(partitionOf(run, PARTITIONS));
    const found = rows.find((row) => row.id === run)?.run;
    if (found === undefined) throw new Error('it is in no inbox');
    return found.cell;
  }

  /** Journal text is opaque to the store; its count is not. */
  writes(partition: number, given: Partial<PartitionWrites>): PartitionWrites {
    const none = noWrites(partition, this.epoch(partition));
    return { ...none, segment: (given.events ?? 0) > 0 ? '[]' : undefined, ...given };
  }
}
