import type { Logger } from '#telemetry';
import {
  type Committed,
  type Connection,
  type Failure,
  type PartitionWrites,
  classify,
  commitBatch,
} from '#postgres';
import { Batch, type PendingEffect } from './batch.js';

const RETRY_MS = [50, 100, 200, 500] as const;
/** After a large commit the next start is spaced, so that it finds more to carry (measured). */
const LARGE_COMMIT_EVENTS = 16;
const SPACING_MS = 2;

export type CommitNews =
  | { readonly kind: 'commit-done'; readonly committed: Committed }
  | { readonly kind: 'commit-failed'; readonly failure: Failure }
  | { readonly kind: 'commit-again' };

export interface CommitterHost {
  tell(news: CommitNews): void;
  after(delayMs: number, run: () => void): void;
  committed(batch: Batch): void;
  perform(pending: PendingEffect): void;
  sample(at: number): void;
  wanted(wanted: Committed['wanted']): void;
  /** The partition's memory is void. `reclaim`: take it anew; else somebody else has it. */
  dropPartition(id: number, why: string, how: { reclaim: boolean; careful: boolean }): void;
}

/**
 * The thread's group commit: one batch in flight, the next grows meanwhile. What leaves and when is
 * architecture §4, Outcomes; each outcome has a test with the real database.
 */
export class Committer {
  private open = new Batch();
  private flight: Batch | undefined;
  private writes: PartitionWrites[] = [];
  /** After a refusal for good: partitions go one by one. */
  private oneByOne: PartitionWrites[] | undefined;
  private attempts = 0;
  private spacedUntil = 0;
  private spacing = false;
  readonly counts = { commits: 0, events: 0, failures: 0 };

  constructor(
    private readonly connection: Connection,
    private readonly host: CommitterHost,
    private readonly log: Logger,
  ) {}

  get batch(): Batch {
    return this.open;
  }

  get isIdle(): boolean {
    return this.flight === undefined && this.open.isEmpty;
  }

  /** Whether this partition has writes that are not known to be committed. */
  holds(partition: number): boolean {
    return this.open.partitions.has(partition) || this.flight?.partitions.has(partition) === true;
  }

  /** An effect waits for every batch that was open or in flight when its message was stepped. */
  effect(pending: PendingEffect): void {
    if (!this.open.isEmpty) this.open.effects.push(pending);
    else if (this.flight !== undefined) this.flight.effects.push(pending);
    else this.host.perform(pending);
  }

  settle(): void {
    if (this.flight !== undefined || this.open.isEmpty) return;
    const wait = this.spacedUntil - performance.now();
    if (wait > 0.5) {
      if (this.spacing) return;
      this.spacing = true;
      this.host.after(wait, () => {
        this.spacing = false;
        this.host.tell({ kind: 'commit-again' });
      });
      return;
    }
    this.flight = this.open;
    this.open = new Batch();
    this.writes = [...this.flight.partitions.values()]
      .filter((partition) => !partition.isEmpty)
      .map((partition) => partition.seal());
    this.attempts = 0;
    this.send();
  }

  drop(partition: number): void {
    this.open.drop(partition);
    this.flight?.drop(partition);
    this.writes = this.writes.filter((writes) => writes.partition !== partition);
    this.oneByOne = this.oneByOne?.filter((writes) => writes.partition !== partition);
  }

  receive(news: CommitNews): void {
    if (news.kind === 'commit-again') {
      if (this.flight !== undefined) this.send();
      return;
    }
    if (this.flight === undefined) return;
    if (news.kind === 'commit-done') this.done(news.committed);
    else this.failed(news.failure);
  }

  private send(): void {
    const now = performance.now();
    const current = this.oneByOne?.[0];
    const writes = current === undefined ? this.writes : [current];
    const flight = this.flight;
    if (flight === undefined) return;
    if (writes.length === 0) {
      this.finish();
      return;
    }
    const events = writes.reduce((sum, partition) => sum + partition.events, 0);
    this.spacedUntil = events >= LARGE_COMMIT_EVENTS ? now + SPACING_MS : 0;
    this.counts.commits++;
    this.counts.events += events;
    commitBatch(this.connection, writes, flight.notBefore).then(
      (committed) => this.host.tell({ kind: 'commit-done', committed }),
      (error: unknown) => this.host.tell({ kind: 'commit-failed', failure: classify(error) }),
    );
  }

  private done(committed: Committed): void {
    this.host.sample(committed.at);
    this.host.wanted(committed.wanted);
    if (this.oneByOne !== undefined) {
      this.oneByOne.shift();
      if (this.oneByOne.length > 0) {
        this.send();
        return;
      }
    }
    this.finish();
  }

  private finish(): void {
    const flight = this.flight;
    this.flight = undefined;
    this.oneByOne = undefined;
    this.writes = [];
    if (flight === undefined) return;
    this.host.committed(flight);
    for (const pending of flight.effects) this.host.perform(pending);
  }

  private failed(failure: Failure): void {
    this.counts.failures++;
    switch (failure.kind) {
      case 'fenced':
        for (const id of failure.partitions) this.void(id, 'fenced', false, false);
        this.send();
        return;
      case 'early':
        this.host.sample(failure.at);
        this.again(Math.max(1, Math.ceil((this.flight?.notBefore ?? 0) - failure.at)));
        return;
      case 'gone':
        this.gone(new Set(failure.ids));
        this.send();
        return;
      case 'rejected-now':
        this.log.warn('a commit was refused for now', { error: failure.error });
        this.again(RETRY_MS[Math.min(this.attempts++, RETRY_MS.length - 1)] ?? 500);
        return;
      case 'rejected-for-good':
        this.refused(failure.error);
        return;
      case 'unknown':
        this.log.warn('the outcome of a commit is unknown', { error: failure.error });
        for (const { partition } of [...this.current()]) {
          this.void(partition, 'unknown outcome', true, false);
        }
        this.oneByOne = undefined;
        this.send();
        return;
      default: {
        const never: never = failure;
        return never;
      }
    }
  }

  /** The calls that have no answer yet. */
  private current(): readonly PartitionWrites[] {
    return this.oneByOne ?? this.writes;
  }

  /** Inbox rows that were applied before: what rests on them is a repeat. */
  private gone(ids: ReadonlySet<string>): void {
    for (const writes of [...this.current()]) {
      const isTouched = writes.consumed.some((id) => ids.size === 0 || ids.has(id));
      if (isTouched) this.void(writes.partition, 'inbox rows gone', true, false);
    }
  }

  /** For good: each partition goes alone; the one that fails alone goes on with care. */
  private refused(error: Error): void {
    if (this.oneByOne === undefined && this.writes.length > 1) {
      this.log.warn('a commit was refused; its partitions go one by one', { error });
      this.oneByOne = [...this.writes];
      this.send();
      return;
    }
    const culprit = this.current()[0];
    this.log.error('PostgreSQL refuses what a partition writes', {
      partition: culprit?.partition,
      error,
    });
    if (culprit !== undefined) this.void(culprit.partition, error.message, true, true);
    this.send();
  }

  private void(partition: number, why: string, reclaim: boolean, careful: boolean): void {
    this.drop(partition);
    this.host.dropPartition(partition, why, { reclaim, careful });
  }

  private again(delayMs: number): void {
    this.host.after(delayMs, () => this.host.tell({ kind: 'commit-again' }));
  }
}
