import { type Limits, type PartitionMessage, type PartitionState, emptyPartition } from '#core';
import type { Loaded } from '../cluster/news.js';
import type { CarefulStart } from './careful-start.js';
import { Floors } from './floors.js';

/** For so long after a claim a hint is only a nudge to read the inbox (architecture §3). */
export const NUDGE_ONLY_MS = 5_000;

/** One partition as this thread owns it: the machine's state and what surrounds it. */
export class OwnedPartition {
  readonly state: PartitionState;
  readonly floors: Floors;
  /** One message a commit, until the one that PostgreSQL refuses stands alone. */
  readonly waiting: PartitionMessage[] = [];
  alone: PartitionMessage | undefined;
  /** Answers to reads that came while the database's clock was not known. */
  readonly unclocked: PartitionMessage[] = [];
  passed = 0;
  /** Since its last owner was lost: what is applied with care. */
  start: CarefulStart | undefined;
  /** A step was left half done: nothing that is here counts. */
  isVoid = false;
  /** Inbox rows and executors that failed: left alone until then. */
  readonly delayed = new Map<string, number>();

  readonly id: number;
  readonly epoch: number;

  constructor(
    { partition, epoch, seq, executors }: Omit<Loaded, 'cells' | 'holds'>,
    life: string,
    /** Monotonic. */
    readonly claimedAt: number,
    public careful: boolean,
    limits: Limits,
  ) {
    this.id = partition;
    this.epoch = epoch;
    this.state = emptyPartition(partition, epoch, seq, life, limits);
    for (const executor of executors) this.state.executors.set(executor.id, executor);
    this.floors = new Floors(epoch, seq);
  }
}
