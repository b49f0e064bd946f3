import type { Effect, PartitionMessage } from '#core';
import { LIMITS } from '#core';
import {
  type Connection,
  type InboxRow,
  type FoundSpecifications,
  type Specifications,
  FIRST_ID,
  fetchParams,
  fetchRuns,
  loadExpiries,
  loadHeld,
  loadHold,
  loadLane,
  sweepInbox,
} from '#postgres';
import type { Logger } from '#telemetry';

/** The answer to a read, for the partition at the epoch that asked. */
export interface ReadAnswer {
  readonly kind: 'read';
  readonly partition: number;
  readonly epoch: number;
  readonly messages: readonly PartitionMessage[];
}
export interface Swept {
  readonly kind: 'swept';
  readonly rows: readonly InboxRow[];
  /** There is more than was read. */
  readonly more: boolean;
}
/** What an assignment lacked is at hand: delivered in a slice, so that it leaves at its end. */
export interface Bodies {
  readonly kind: 'bodies';
  readonly deliver: () => void;
}
export type ReaderNews = ReadAnswer | Swept | Bodies;

interface Wanted {
  readonly partition: number;
  readonly epoch: number;
  readonly run: string;
  readonly read: number;
}

const RETRY_MS = 200;
const FETCH_MAX = 500;
const SWEEP_MAX = 2_048;
const HELD_PAGE = 256;

type Effects<K extends Effect['kind']> = Extract<Effect, { kind: K }>;

/**
 * Everything a thread reads beside its commits, on a connection of its own, one query at a time.
 * A read that fails is asked again: reads change nothing, and the machines wait for each answer.
 */
export class Reader {
  private wanted: Wanted[] = [];
  private queue: Promise<void> = Promise.resolve();
  private fetching = false;
  private sweeping = false;
  private sweepNext: readonly number[] = [];
  private stopped = false;

  constructor(
    private readonly connection: Connection,
    readonly specifications: Specifications,
    private readonly tell: (news: ReaderNews) => void,
    private readonly log: Logger,
  ) {}

  stop(): void {
    this.stopped = true;
  }

  /** Looks runs up by id; what is asked within a turn goes in one query. */
  fetch(wanted: Wanted): void {
    this.wanted.push(wanted);
    if (this.fetching) return;
    this.fetching = true;
    let batch: Wanted[] | undefined;
    this.enqueue(async () => {
      // Taken once: a query that fails is asked again for the same runs.
      if (batch === undefined) {
        batch = this.wanted.splice(0, FETCH_MAX);
        this.fetching = false;
        const next = this.wanted.shift();
        if (next !== undefined) this.fetch(next);
      }
      await this.fetchBatch(batch);
    });
  }

  refill(partition: number, epoch: number, lane: string, read: number): void {
    this.enqueue(async () => {
      const window = LIMITS.window;
      const rows = await loadLane(this.connection, partition, lane, window, this.specifications);
      const cells = rows.map((row) => row.cell);
      const complete = rows.length < window;
      const message = { kind: 'refilled', lane, read, cells, complete } as const;
      this.tell({ kind: 'read', partition, epoch, messages: [message] });
    });
  }

  expiries(partition: number, epoch: number, after: number): void {
    this.enqueue(async () => {
      const rows = await loadExpiries(this.connection, partition, after, LIMITS.expiries);
      const items = rows.map((row) => ({ id: row.id, rank: row.expires }));
      const complete = rows.length < LIMITS.expiries;
      const message = { kind: 'expiries', items, complete } as const;
      this.tell({ kind: 'read', partition, epoch, messages: [message] });
    });
  }

  /** What of a job its partitions go by: whether it is paused. */
  job(partition: number, epoch: number, { inbox, job }: Effects<'read-job'>): void {
    this.enqueue(async () => {
      const hold = await loadHold(this.connection, job);
      const message = { kind: 'job-read', inbox, job, hold } as const;
      this.tell({ kind: 'read', partition, epoch, messages: [message] });
    });
  }

  /** A page of the runs that a job's pause holds. */
  held(partition: number, epoch: number, effect: Effects<'read-held'>): void {
    const { inbox, job, after, read } = effect;
    this.enqueue(async () => {
      const of = { partition, job, after };
      const rows = await loadHeld(this.connection, of, HELD_PAGE, this.specifications);
      const cells = rows.map((row) => row.cell);
      const complete = rows.length < HELD_PAGE;
      const message = { kind: 'held-read', inbox, job, after, read, cells, complete } as const;
      this.tell({ kind: 'read', partition, epoch, messages: [message] });
    });
  }

  /** Specifications and large params that are not at hand, then the call-back. */
  bodies(
    refs: readonly { readonly project: string; readonly spec: string }[],
    paramsOf: readonly string[],
    next: (params: ReadonlyMap<string, string>, found: FoundSpecifications) => void,
  ): void {
    this.enqueue(async () => {
      const found = await this.specifications.find(this.connection, refs);
      const params = paramsOf.length === 0 ? [] : await fetchParams(this.connection, paramsOf);
      this.tell({ kind: 'bodies', deliver: () => next(new Map(params), found) });
    });
  }

  /** What was found of a run when its work was at hand; heard like any answer. */
  learned(partition: number, epoch: number, message: PartitionMessage): void {
    this.tell({ kind: 'read', partition, epoch, messages: [message] });
  }

  sweep(partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    // What was written since the one under way has looked is found by the next.
    if (this.sweeping) {
      this.sweepNext = partitions;
      return;
    }
    this.sweeping = true;
    const each = Math.max(16, Math.floor(SWEEP_MAX / partitions.length));
    this.enqueue(async () => {
      try {
        const from = partitions.map((partition) => ({ partition, after: FIRST_ID }));
        const rows = await sweepInbox(this.connection, from, each, this.specifications);
        const counts = new Map<number, number>();
        for (const row of rows) counts.set(row.partition, (counts.get(row.partition) ?? 0) + 1);
        const more = [...counts.values()].some((count) => count >= each);
        this.tell({ kind: 'swept', rows, more });
      } finally {
        this.sweeping = false;
        const next = this.sweepNext;
        this.sweepNext = [];
        this.sweep(next);
      }
    }, false);
  }

  private async fetchBatch(batch: readonly Wanted[]): Promise<void> {
    const ids = [...new Set(batch.map((wanted) => wanted.run))];
    const { live, final } = await fetchRuns(this.connection, ids, this.specifications);
    for (const { partition, epoch, run, read } of batch) {
      const found = live.get(run);
      const message: PartitionMessage = {
        kind: 'fetched',
        run,
        cell: found?.cell ?? null,
        taken: found?.taken ?? false,
        final: final.get(run) ?? null,
        read,
      };
      this.tell({ kind: 'read', partition, epoch, messages: [message] });
    }
  }

  private enqueue(work: () => Promise<void>, again = true): void {
    this.queue = this.queue.then(async () => {
      for (;;) {
        if (this.stopped) return;
        try {
          await work();
          return;
        } catch (error) {
          this.log.warn('a read failed', { error });
          if (!again) return;
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    });
  }
}
