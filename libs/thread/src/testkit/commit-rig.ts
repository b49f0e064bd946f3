import { randomUUID } from 'node:crypto';
import {
  type Cell,
  DEFAULT_RETRY,
  type Fence,
  type Policy,
  type RunEvent,
  type Write,
} from '#core';
import {
  Connection,
  type NewRun,
  PostgresStore,
  claimPartition,
  intakeBatch,
  touchNode,
} from '#postgres';
import type { Batch, PendingEffect } from '../batch.js';
import { type CommitNews, Committer, type CommitterHost } from '../committer.js';

const quiet = (): void => undefined;
const project = randomUUID();
const spec = randomUUID();
const policy: Policy = {
  retry: DEFAULT_RETRY,
  timeoutMs: 60_000,
  graceMs: 1_000,
  lostAfterMs: 10_000,
  retentionMs: 86_400_000,
  jobName: 'job',
  projectName: 'project',
};

export interface Dropped {
  readonly partition: number;
  readonly why: string;
  readonly reclaim: boolean;
  readonly careful: boolean;
}

/** A committer with the real database; its host writes down what it is told, in one order. */
export class CommitRig implements CommitterHost {
  readonly committer: Committer;
  readonly commits: Connection;
  readonly owned = new Map<number, { epoch: number; head: number }>();
  /** What left, by name; `commit` stands where a batch was said to be committed. */
  readonly left: string[] = [];
  readonly dropped: Dropped[] = [];
  readonly fences: Fence[] = [];
  readonly samples: number[] = [];
  /** Refusals as early: the clock was told to go back to these. */
  readonly corrections: number[] = [];
  readonly clock = {
    sample: (at: number): void => void this.samples.push(at),
    correct: (at: number): void => void this.corrections.push(at),
  };
  readonly news: CommitNews[] = [];
  looks = 0;
  private readonly mailbox: CommitNews[] = [];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly intake: Connection;
  private turning = false;

  constructor(directUrl: string, url: string) {
    const common = { pinned: true, name: 'orrery/t1/commits' } as const;
    this.intake = new Connection({ ...common, url: directUrl, role: 'orrery_intake' });
    this.commits = new Connection({ ...common, url, role: 'orrery_scheduler' });
    const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const { commits } = this;
    const store = new PostgresStore({ commits, reads: commits, control: commits });
    this.committer = new Committer(store, this, log);
  }

  /** Claims every partition anew, as after a reclaim. */
  async own(): Promise<void> {
    const view = await touchNode(this.commits, 't1', 's1', 'scheduler');
    for (const { id, epoch } of view.partitions) {
      const claim = await claimPartition(this.commits, id, epoch, 't1');
      if (claim !== undefined) this.owned.set(id, { epoch: claim.epoch, head: claim.seq });
    }
  }

  async submit(partitions: readonly number[]): Promise<Cell[]> {
    const runs = partitions.map(newRun);
    const specifications = [{ project, hash: spec, body: '{"kind":"shell"}', policy }];
    const batch = { id: randomUUID(), specifications, runs, commands: [], keys: [] };
    const { at } = await intakeBatch(this.intake, batch);
    return runs.map((run) => cellOf(run, at));
  }

  /** Writes and effects of one step, placed as the host places them: effects last. */
  step(partition: number, writes: readonly Write[], ...effects: readonly string[]): void {
    const { epoch } = this.of(partition);
    for (const write of writes) this.committer.batch.apply(partition, epoch, write);
    for (const executor of effects) {
      this.committer.effect({ partition, epoch, effect: { kind: 'ask-digest', executor } });
    }
  }

  takeIn(cell: Cell): Write[] {
    const inbox = cell.facts.id;
    return [{ kind: 'consume', inbox }, { kind: 'save', cell }, this.event(cell)];
  }

  end(cell: Cell, result = '"ok"'): Write[] {
    cell.state = 'SUCCEEDED';
    const finish = { kind: 'finish', cell, outcome: 'SUCCEEDED', error: null } as const;
    return [{ ...finish, finishedAt: Date.now(), result }, this.event(cell)];
  }

  event(cell: Cell): Write {
    const { id, project: of, partition } = cell.facts;
    const seq = ++this.of(partition).head;
    const event: RunEvent = {
      seq,
      at: Date.now(),
      type: 'CHANGED',
      run: id,
      project: of,
      job: null,
      from: null,
      to: null,
      attempt: 0,
      executor: null,
      actor: null,
      data: null,
    };
    return { kind: 'event', event };
  }

  mono(): number {
    return performance.now();
  }

  /** The end of a slice. */
  settle(): void {
    this.committer.settle();
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    await this.commits.stop();
    await this.intake.stop();
  }

  tell(news: CommitNews): void {
    this.news.push(news);
    this.mailbox.push(news);
    if (this.turning) return;
    this.turning = true;
    setImmediate(() => {
      this.turning = false;
      for (const next of this.mailbox.splice(0)) this.committer.receive(next);
      this.committer.settle();
    });
  }

  after(delayMs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      run();
    }, delayMs);
    this.timers.add(timer);
  }

  committed(batch: Batch): void {
    this.left.push(`commit ${[...batch.partitions.keys()].join(' ')}`.trim());
  }

  perform({ effect }: PendingEffect): void {
    this.left.push(effect.kind === 'ask-digest' ? effect.executor : effect.kind);
  }

  wanted(): void {
    this.looks++;
  }

  fenced(fence: Fence): void {
    this.fences.push(fence);
  }

  dropPartition(
    partition: number,
    why: string,
    how: { readonly reclaim: boolean; readonly careful: boolean },
  ): void {
    this.dropped.push({ partition, why, ...how });
  }

  private of(partition: number): { epoch: number; head: number } {
    const found = this.owned.get(partition);
    if (found === undefined) throw new Error(`partition ${partition} is not owned`);
    return found;
  }
}

function newRun(partition: number): NewRun {
  return {
    id: randomUUID(),
    partition,
    project,
    job: null,
    jobVersion: null,
    spec,
    kind: 'SHELL',
    pool: 'default',
    need: 'shell',
    priority: 5,
    lane: '4711',
    at: null,
    afterMs: null,
    startDeadlineMs: null,
    retryOf: null,
    params: null,
    labels: null,
  };
}

function cellOf(run: NewRun, at: number): Cell {
  return {
    facts: {
      ...run,
      due: null,
      expires: null,
      submittedAt: at,
      dedup: null,
      cache: null,
      policy,
      params: 'null',
    },
    state: 'READY',
    lane: run.lane,
    rank: at,
    readyAt: at,
    startedAt: null,
    attempt: 0,
    spent: 0,
    token: null,
    record: { attempts: [], seqs: [] },
  };
}
