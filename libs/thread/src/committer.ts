import type {
  CommitOutcome,
  Committed,
  Failure,
  Fence,
  Millis,
  NodeStats,
  PartitionWrites,
  Store,
} from '#core';
import type { Logger } from '#telemetry';
import { Latency } from './latency.js';
import { Batch, type PendingEffect } from './batch.js';
import type { DatabaseClock } from './clock.js';
import { Spacing } from './spacing.js';

const RETRY_MS = [50, 100, 200, 500] as const;
/** What the server's clock has not reached is waited for so long, and else fired anew. */
const EARLY_WAIT_MS_MAX = 1_000;

export type CommitNews =
  | { readonly kind: 'commit-answered'; readonly outcome: CommitOutcome }
  | { readonly kind: 'commit-again' };

export interface Dropped {
  readonly reclaim: boolean;
  readonly careful: boolean;
}

export interface CommitterHost {
  tell(news: CommitNews): void;
  mono(): Millis;
  after(delayMs: Millis, run: () => void): void;
  committed(batch: Batch): void;
  perform(pending: PendingEffect): void;
  readonly clock: Pick<DatabaseClock, 'sample' | 'correct'>;
  wanted(wanted: Committed['wanted']): void;
  /** Somebody else owns the partition by now: this was refused. */
  fenced(fence: Fence): void;
  /** The partition's memory is void. `reclaim`: take it anew; else somebody else has it. */
  dropPartition(id: number, why: string, how: Dropped): void;
}

/**
 * The thread's group commit: one batch in flight, the next grows meanwhile. What leaves and when is
 * architecture §4, Outcomes; each outcome has a test with the real database.
 */
export class Committer {
  private open = new Batch();
  private flight: Batch | undefined;
  /**
   * What of the flight has no answer yet, one entry a call: the whole batch, or after a refusal for
   * good its partitions one by one. The first is under way, or waits to be repeated.
   */
  private calls: (readonly PartitionWrites[])[] = [];
  /** The first as it was sent, with what was dropped since. */
  private sent: readonly PartitionWrites[] = [];
  private sentAt = 0;
  private waits = false;
  private attempts = 0;
  /** How long the latest calls took. */
  private readonly latency = new Latency();
  private readonly spacing: Spacing;
  readonly counts = { commits: 0, events: 0, failures: 0 };

  constructor(
    private readonly store: Pick<Store, 'commit'>,
    private readonly host: CommitterHost,
    private readonly log: Logger,
  ) {
    this.spacing = new Spacing(host);
  }

  get batch(): Batch {
    return this.open;
  }

  get stats(): Pick<NodeStats, 'commits' | 'commitP50Ms' | 'commitP99Ms'> {
    const { commits } = this.counts;
    const [commitP50Ms, commitP99Ms] = [this.latency.quantile(0.5), this.latency.quantile(0.99)];
    return { commits, commitP50Ms, commitP99Ms };
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
    if (this.flight !== undefined || this.open.isEmpty || this.spacing.holds) return;
    this.flight = this.open;
    this.open = new Batch();
    const writes = [...this.flight.partitions.values()]
      .filter((partition) => !partition.isEmpty)
      .map((partition) => partition.seal());
    this.calls = [writes];
    this.attempts = 0;
    this.send();
  }

  drop(partition: number): void {
    this.open.drop(partition);
    this.flight?.drop(partition);
    this.releaseEffects();
    // A call that becomes empty keeps its place: its answer may be on its way.
    this.calls = this.calls.map((call) => call.filter((writes) => writes.partition !== partition));
  }

  /** Effects of others that waited for what is gone: for the flight now, or for nothing. */
  private releaseEffects(): void {
    if (!this.open.isEmpty) return;
    const effects = this.open.effects.splice(0);
    if (this.flight !== undefined) this.flight.effects.push(...effects);
    else for (const pending of effects) this.host.perform(pending);
  }

  receive(news: CommitNews): void {
    if (news.kind === 'commit-again') {
      // Else the spacing is over, and a batch may be under way by now: never the same call twice.
      if (this.waits) this.send();
      return;
    }
    if (this.flight === undefined) return;
    const { outcome } = news;
    this.latency.add(this.host.mono() - this.sentAt);
    if (outcome.kind === 'committed') this.done(outcome.committed);
    else this.failed(outcome.failure);
  }

  private send(): void {
    this.waits = false;
    const flight = this.flight;
    if (flight === undefined) return;
    while (this.calls[0]?.length === 0) this.calls.shift();
    const [writes] = this.calls;
    if (writes === undefined) {
      this.finish(flight);
      return;
    }
    const events = writes.reduce((sum, partition) => sum + partition.events, 0);
    this.spacing.sent(events);
    this.counts.commits++;
    this.sentAt = this.host.mono();
    this.counts.events += events;
    this.sent = writes;
    this.store.commit(writes, this.notBefore(), (outcome) =>
      this.host.tell({ kind: 'commit-answered', outcome }),
    );
  }

  private done(committed: Committed): void {
    this.host.clock.sample(committed.at);
    if (committed.wanted.length > 0) this.host.wanted(committed.wanted);
    this.calls.shift();
    this.send();
  }

  private finish(flight: Batch): void {
    this.flight = undefined;
    this.sent = [];
    this.host.committed(flight);
    // Floors first: the head has moved past the grants of this batch. A message that left before
    // they count as open would carry a floor above them, and their executor refuse them (§6).
    const isFloor = ({ effect }: PendingEffect): boolean =>
      effect.kind === 'opened' || effect.kind === 'closed';
    for (const pending of flight.effects) if (isFloor(pending)) this.host.perform(pending);
    for (const pending of flight.effects) if (!isFloor(pending)) this.host.perform(pending);
  }

  private failed(failure: Failure): void {
    this.counts.failures++;
    switch (failure.kind) {
      case 'fenced':
        this.fenced(new Set(failure.partitions));
        this.send();
        return;
      case 'early':
        this.host.clock.correct(failure.at);
        this.early(failure.at);
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
        for (const { partition } of this.current()) {
          this.void(partition, 'unknown outcome', true, false);
        }
        this.send();
        return;
      default: {
        const never: never = failure;
        return never;
      }
    }
  }

  /** The call that was under way, without what was dropped meanwhile. */
  private current(): readonly PartitionWrites[] {
    return this.calls[0] ?? [];
  }

  /**
   * Each refusal is told. Only what the call still holds is void: a partition may have been dropped
   * since it was sent, or claimed anew.
   */
  private fenced(ids: ReadonlySet<number>): void {
    const held = new Set(this.current());
    for (const writes of this.sent.filter(({ partition }) => ids.has(partition))) {
      const { partition, epoch, events, granted, finished } = writes;
      const sizes = { granted: granted.length, finished: finished.length };
      this.host.fenced({ partition, epoch, events, ...sizes });
      if (held.has(writes)) this.void(partition, 'fenced', false, false);
    }
  }

  /** What is due in a moment is waited for; what is far ahead is not to hold up the others. */
  private early(at: number): void {
    for (const { partition } of this.current()) {
      const notBefore = this.flight?.partitions.get(partition)?.notBefore ?? 0;
      if (notBefore > at + EARLY_WAIT_MS_MAX) this.void(partition, 'fired too early', true, false);
    }
    const wait = Math.ceil((this.notBefore() ?? 0) - at);
    if (wait > 0) this.again(wait);
    else this.send();
  }

  /** Of the call that is under way: after a refusal that is one partition, not the whole batch. */
  private notBefore(): number | null {
    let latest: number | null = null;
    for (const { partition } of this.current()) {
      const time = this.flight?.partitions.get(partition)?.notBefore ?? null;
      if (time !== null) latest = Math.max(latest ?? time, time);
    }
    return latest;
  }

  /** Inbox rows that were applied before: what rests on them is a repeat. */
  private gone(ids: ReadonlySet<string>): void {
    const consuming = this.current().filter((writes) => writes.consumed.length > 0);
    const touched = consuming.filter((writes) => writes.consumed.some((id) => ids.has(id)));
    // None that we know: then any of them, or the same call would fail for ever.
    for (const { partition } of touched.length > 0 ? touched : consuming) {
      this.void(partition, 'inbox rows gone', true, false);
    }
  }

  /** For good: each partition goes alone; the one that fails alone goes on with care. */
  private refused(error: Error): void {
    const call = this.current();
    const [culprit, ...others] = call;
    if (others.length > 0) {
      this.log.warn('a commit was refused; its partitions go one by one', { error });
      this.calls.splice(0, 1, ...call.map((writes) => [writes]));
    } else if (culprit !== undefined) {
      const { partition } = culprit;
      this.log.error('PostgreSQL refuses what a partition writes', { partition, error });
      this.void(partition, error.message, true, true);
    }
    this.send();
  }

  private void(partition: number, why: string, reclaim: boolean, careful: boolean): void {
    this.drop(partition);
    this.host.dropPartition(partition, why, { reclaim, careful });
  }

  private again(delayMs: number): void {
    this.waits = true;
    this.host.after(delayMs, () => this.host.tell({ kind: 'commit-again' }));
  }
}
