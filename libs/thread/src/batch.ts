import {
  type AmendedRun,
  type AsideRow,
  type CachedResult,
  type Cell,
  type CommandAnswer,
  type DiscardedRun,
  type Effect,
  type ExecutorRow,
  type Keyed,
  type Millis,
  type PartitionWrites,
  type ReusedResult,
  type RunEnd,
  type RunEvent,
  type SealedAttempt,
  type SealedGrant,
  type SealedRun,
  type Token,
  type Write,
  executorRowOf,
  isGranted,
  sealAttempt,
  sealEnd,
  sealGrant,
  sealRun,
} from '#core';
import { encodeSegment } from '#protocol';

/** What one partition will have written when the batch is committed. */
export class PartitionBatch {
  readonly events: RunEvent[] = [];
  readonly consumed: string[] = [];
  readonly amended = new Map<string, AmendedRun>();
  readonly changed = new Map<string, Cell>();
  readonly finished = new Map<string, RunEnd>();
  readonly released: Keyed[] = [];
  readonly cached: CachedResult[] = [];
  readonly reused: ReusedResult[] = [];
  readonly discarded: DiscardedRun[] = [];
  readonly answers: CommandAnswer[] = [];
  readonly executors = new Map<string, ExecutorRow>();
  readonly aside: AsideRow[] = [];
  readonly named: string[] = [];
  /** Encoded when the batch is sent: the journal and the live stream share the text. */
  segment: string | undefined;
  /** The latest planned time among what fired. */
  notBefore: Millis | null = null;

  constructor(
    readonly partition: number,
    readonly epoch: number,
  ) {}

  apply(write: Write): void {
    switch (write.kind) {
      case 'save':
        this.changed.set(write.cell.facts.id, write.cell);
        return;
      case 'amend': {
        const { params, labels } = this.amended.get(write.run) ?? { params: null, labels: null };
        this.amended.set(write.run, {
          ...write,
          params: write.params ?? params,
          labels: write.labels ?? labels,
        });
        return;
      }
      case 'finish': {
        const { id: run } = write.cell.facts;
        const { reusedFrom: from } = write.cell.record;
        this.changed.delete(run);
        this.finished.set(run, write);
        if (from !== undefined) this.reused.push({ run, from });
        return;
      }
      case 'release': {
        const { id: run, project, dedup: key } = write.cell.facts;
        if (key !== null) this.released.push({ project, key, run });
        return;
      }
      case 'cache': {
        const { id: run, project, cache: key } = write.cell.facts;
        if (key !== null) this.cached.push({ project, key, run, expires: write.expires });
        return;
      }
      case 'discard':
        this.discarded.push(write);
        return;
      case 'consume':
        this.consumed.push(write.inbox);
        return;
      case 'answer':
        this.answers.push({ command: write.command, outcome: JSON.stringify(write.outcome) });
        return;
      case 'event':
        this.events.push(write.event);
        return;
      case 'executor':
        this.executors.set(write.executor.id, executorRowOf(write.executor));
        return;
      case 'fired':
        this.notBefore = Math.max(this.notBefore ?? 0, write.planned);
        return;
      default: {
        const never: never = write;
        return never;
      }
    }
  }

  get isEmpty(): boolean {
    return (
      this.events.length + this.consumed.length + this.changed.size + this.finished.size === 0 &&
      this.answers.length + this.executors.size + this.aside.length + this.named.length === 0
    );
  }

  /** A token's place is that of its GRANTED event. */
  private isGrantedHere({ epoch, seq }: Token): boolean {
    const [first] = this.events;
    return epoch === this.epoch && first !== undefined && seq >= first.seq;
  }

  seal(): PartitionWrites {
    if (this.events.length > 0) this.segment ??= encodeSegment(this.events);
    const changed: SealedRun[] = [];
    const granted: SealedGrant[] = [];
    const open: SealedAttempt[] = [];
    for (const cell of this.changed.values()) {
      if (!isGranted(cell)) changed.push(sealRun(cell));
      else if (this.isGrantedHere(cell.token)) granted.push(sealGrant(cell));
      else open.push(sealAttempt(cell));
    }
    return {
      partition: this.partition,
      epoch: this.epoch,
      segment: this.segment,
      events: this.events.length,
      consumed: this.consumed,
      amended: [...this.amended.values()],
      changed,
      granted,
      open,
      finished: [...this.finished.values()].map(sealEnd),
      released: this.released,
      cached: this.cached,
      reused: this.reused,
      discarded: this.discarded,
      answers: this.answers,
      outgoing: [],
      executors: [...this.executors.values()],
      aside: this.aside,
      named: this.named,
    };
  }
}

export interface PendingEffect {
  readonly partition: number;
  readonly epoch: number;
  readonly effect: Effect;
}

/** A thread's batch over all its partitions (architecture §4, Commit). */
export class Batch {
  readonly partitions = new Map<number, PartitionBatch>();
  readonly effects: PendingEffect[] = [];

  of(partition: number, epoch: number): PartitionBatch {
    let found = this.partitions.get(partition);
    if (found === undefined) {
      found = new PartitionBatch(partition, epoch);
      this.partitions.set(partition, found);
    }
    return found;
  }

  apply(partition: number, epoch: number, write: Write): void {
    this.of(partition, epoch).apply(write);
  }

  /** Something must be written: effects alone do not make a commit. */
  get isEmpty(): boolean {
    for (const partition of this.partitions.values()) if (!partition.isEmpty) return false;
    return true;
  }

  /** The partition's part of it is void: its writes and its effects. */
  drop(partition: number): void {
    this.partitions.delete(partition);
    const kept = this.effects.filter((pending) => pending.partition !== partition);
    this.effects.length = 0;
    this.effects.push(...kept);
  }
}
