import { randomUUID } from 'node:crypto';
import {
  type Cell,
  DEFAULT_RETRY,
  type GrantedCell,
  type PartitionWrites,
  type Policy,
  type RunFacts,
  noWrites,
  sealEnd,
  sealGrant,
} from '#core';
import {
  Connection,
  type NewRun,
  claimPartition,
  commitBatch,
  intakeBatch,
  touchNode,
} from '#postgres';

/**
 * Drives the fenced commit alone, with rows as the product writes them. First everything is
 * submitted, which is timed apart; then each run is taken in and granted in one commit, started and
 * finished in the next.
 */
export interface CommitBenchOptions {
  readonly url: string;
  readonly lanes: number;
  readonly batch: number;
  /** Life cycles in all. */
  readonly count: number;
  /** CPU seconds that the server has used so far. */
  readonly serverCpu: () => number;
}
export interface CommitBenchResult {
  readonly lifeCycles: number;
  readonly perSecond: number;
  readonly commitsPerSecond: number;
  readonly submittedPerSecond: number;
  /** CPU of this process alone, which seals and encodes: µs a life cycle. */
  readonly clientMicros: number;
  readonly serverMicros: number;
}

const policy: Policy = {
  retry: DEFAULT_RETRY,
  timeoutMs: 3_600_000,
  graceMs: 10_000,
  lostAfterMs: 10_000,
  retentionMs: 30 * 86_400_000,
  jobName: 'noop',
  projectName: 'demo',
};
const project = randomUUID();
const spec = randomUUID();
const LANE = '6148914691236517205';
const PARAMS = JSON.stringify({ customer: 4711, note: 'x'.repeat(200) });

function uuid7(n: number): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const rest = randomUUID().slice(19);
  const count = (n & 0xfff).toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${rest}`;
}

function newRun(id: string, partition: number): NewRun {
  return {
    id,
    partition,
    project,
    job: null,
    jobVersion: null,
    spec,
    kind: 'FUNCTION',
    pool: 'default',
    need: 'function:noop',
    priority: 5,
    lane: LANE,
    at: null,
    afterMs: null,
    startDeadlineMs: null,
    retryOf: null,
    params: PARAMS,
    labels: null,
  };
}

function cellOf(id: string, partition: number, at: number): Cell {
  const facts: RunFacts = {
    id,
    partition,
    project,
    job: null,
    jobVersion: null,
    spec,
    kind: 'FUNCTION',
    pool: 'default',
    need: 'function:noop',
    priority: 5,
    policy,
    due: null,
    expires: null,
    submittedAt: at,
    dedup: null,
    cache: null,
    params: PARAMS,
  };
  return {
    facts,
    state: 'READY',
    lane: LANE,
    rank: at + 240_000,
    readyAt: at,
    startedAt: null,
    attempt: 0,
    spent: 0,
    token: null,
    record: { attempts: [], seqs: [] },
  };
}

interface Owned {
  readonly epoch: number;
  seq: number;
}

function segment(kind: string, cells: readonly Cell[], at: number): string {
  return JSON.stringify([
    1,
    at,
    [project],
    cells.map((cell) => [kind, cell.facts.id, 0, 0, 1, null]),
  ]);
}

function grant(cells: readonly Cell[], owned: ReadonlyMap<number, Owned>, at: number): void {
  for (const cell of cells) {
    const owner = owned.get(cell.facts.partition) as Owned;
    owner.seq += 2;
    cell.state = 'GRANTED';
    cell.lane = null;
    cell.attempt = 1;
    cell.token = {
      run: cell.facts.id,
      attempt: 1,
      executor: 'executor-1',
      incarnation: 1,
      epoch: owner.epoch,
      seq: owner.seq,
    };
    cell.record.grantedAt = at;
    cell.record.seqs.push(owner.seq - 1, owner.seq);
  }
}

function finish(cells: readonly Cell[], owned: ReadonlyMap<number, Owned>, at: number): void {
  for (const cell of cells) {
    const owner = owned.get(cell.facts.partition) as Owned;
    owner.seq += 2;
    cell.state = 'SUCCEEDED';
    cell.startedAt = at;
    cell.record.seqs.push(owner.seq - 1, owner.seq);
    cell.record.attempts.push({
      number: 1,
      executor: 'executor-1',
      grantedAt: at,
      startedAt: at,
      finishedAt: at,
      outcome: 'SUCCEEDED',
    });
  }
}

function writes(
  cells: readonly Cell[],
  owned: ReadonlyMap<number, Owned>,
  final: boolean,
  at: number,
): PartitionWrites[] {
  const byPartition = new Map<number, Cell[]>();
  for (const cell of cells) {
    const list = byPartition.get(cell.facts.partition);
    if (list === undefined) byPartition.set(cell.facts.partition, [cell]);
    else list.push(cell);
  }
  return [...byPartition].map(([partition, of]) => ({
    ...noWrites(partition, (owned.get(partition) as Owned).epoch),
    events: of.length * 2,
    segment: segment(final ? 'FINISHED' : 'GRANTED', of, at),
    consumed: final ? [] : of.map((cell) => cell.facts.id),
    granted: final ? [] : of.map((cell) => sealGrant(cell as GrantedCell)),
    finished: final
      ? of.map((cell) =>
          sealEnd({ cell, outcome: 'SUCCEEDED', finishedAt: at, result: '"ok"', error: null }),
        )
      : [],
  }));
}

const partitionAt = (partitions: readonly number[], i: number): number =>
  partitions[i % partitions.length] ?? 0;

/** One lane plays a gateway and then a thread, on connections of their own. */
class Lane {
  private readonly intake: Connection;
  private readonly commit: Connection;
  private readonly owned = new Map<number, Owned>();
  /** Ids and nothing else: what waits here is the bench's own, and would be its garbage. */
  private readonly waiting: { readonly ids: readonly string[]; readonly at: number }[] = [];
  commits = 0;

  constructor(
    private readonly options: CommitBenchOptions,
    private readonly index: number,
  ) {
    const { url } = options;
    this.intake = new Connection({ url, role: 'orrery_intake', name: `bench/i${index}` });
    const pinned = { url, pinned: true } as const;
    this.commit = new Connection({
      ...pinned,
      role: 'orrery_scheduler',
      name: `bench/c${index}`,
    });
  }

  async submit(): Promise<void> {
    await claimAll(this.commit, this.index, this.options.lanes, this.owned);
    const partitions = [...this.owned.keys()];
    const batches = Math.ceil(this.options.count / this.options.lanes / this.options.batch);
    for (let n = 0; n < batches; n++) {
      const runs = Array.from({ length: this.options.batch }, (_, i) =>
        newRun(uuid7(i), partitionAt(partitions, i)),
      );
      const batch = { id: randomUUID(), specifications: [], runs, commands: [], keys: [] };
      const { at } = await intakeBatch(this.intake, batch);
      this.waiting.push({ ids: runs.map(({ id }) => id), at });
    }
  }

  async drive(): Promise<number> {
    let count = 0;
    const partitions = [...this.owned.keys()];
    for (const { ids, at } of this.waiting) {
      const cells = ids.map((id, i) => cellOf(id, partitionAt(partitions, i), at));
      grant(cells, this.owned, at);
      await commitBatch(this.commit, writes(cells, this.owned, false, at), null);
      finish(cells, this.owned, at);
      await commitBatch(this.commit, writes(cells, this.owned, true, at), null);
      count += cells.length;
      this.commits += 2;
    }
    return count;
  }

  async stop(): Promise<void> {
    await this.intake.stop();
    await this.commit.stop();
  }
}

async function claimAll(
  connection: Connection,
  index: number,
  lanes: number,
  owned: Map<number, Owned>,
): Promise<void> {
  const view = await touchNode(connection, `bench-${index}`, 'bench', 'bench');
  for (const partition of view.partitions) {
    if (partition.id % lanes !== index) continue;
    const claim = await claimPartition(connection, partition.id, partition.epoch, `bench-${index}`);
    if (claim !== undefined) owned.set(partition.id, { epoch: claim.epoch, seq: claim.seq });
  }
}

export async function benchCommit(options: CommitBenchOptions): Promise<CommitBenchResult> {
  const lanes = Array.from({ length: options.lanes }, (_, index) => new Lane(options, index));
  const submitting = performance.now();
  await Promise.all(lanes.map((lane) => lane.submit()));
  const began = performance.now();
  const cpu = process.cpuUsage();
  const serverCpu = options.serverCpu();
  const counts = await Promise.all(lanes.map((lane) => lane.drive()));
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const serverSeconds = options.serverCpu() - serverCpu;
  await Promise.all(lanes.map((lane) => lane.stop()));
  const lifeCycles = counts.reduce((sum, count) => sum + count, 0);
  const commits = lanes.reduce((sum, lane) => sum + lane.commits, 0);
  return {
    lifeCycles,
    perSecond: Math.round(lifeCycles / seconds),
    commitsPerSecond: Math.round(commits / seconds),
    submittedPerSecond: Math.round(lifeCycles / ((began - submitting) / 1_000)),
    clientMicros: Math.round(((user + system) / lifeCycles) * 10) / 10,
    serverMicros: Math.round((serverSeconds / lifeCycles) * 1e7) / 10,
  };
}
