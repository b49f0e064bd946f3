import type {
  Bodies as FoundBodies,
  BodiesWanted,
  Effect,
  InboxRow,
  Limits,
  Millis,
  PartitionMessage,
  StoreReads,
} from '#core';
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
  readonly partitions: readonly number[];
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

export interface ReaderHost {
  readonly limits: Pick<Limits, 'window' | 'expiries'>;
  tell(news: ReaderNews): void;
  after(delayMs: Millis, run: () => void): () => void;
}

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
const LANES_PAGE = 256;

type Effects<K extends Effect['kind']> = Extract<Effect, { kind: K }>;
/** Asks the store, and says how it went: an error, or nothing. */
type Work = (done: (error?: Error) => void) => void;

/**
 * Everything a thread reads beside its commits, one query at a time. A read that fails is asked
 * again: reads change nothing, and the machines wait for each answer.
 */
export class Reader {
  private wanted: Wanted[] = [];
  private readonly queue: { readonly work: Work; readonly again: boolean }[] = [];
  private asking = false;
  private fetching = false;
  private sweeping = false;
  private sweepNext: readonly number[] = [];
  private stopped = false;

  constructor(
    private readonly store: StoreReads,
    private readonly host: ReaderHost,
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
    this.enqueue((done) => {
      // Taken once: a query that fails is asked again for the same runs.
      if (batch === undefined) {
        batch = this.wanted.splice(0, FETCH_MAX);
        this.fetching = false;
        const next = this.wanted.shift();
        if (next !== undefined) this.fetch(next);
      }
      this.fetchBatch(batch, done);
    });
  }

  refill(partition: number, epoch: number, lane: string, read: number): void {
    const { window } = this.host.limits;
    this.enqueue((done) =>
      this.store.lane({ partition, lane, window }, (cells) => {
        if (cells instanceof Error) return done(cells);
        const complete = cells.length < window;
        this.learned(partition, epoch, { kind: 'refilled', lane, read, cells, complete });
        done();
      }),
    );
  }

  /** A page of the lanes, to be compared with memory. */
  lanes(partition: number, epoch: number, { after, read }: Effects<'read-lanes'>): void {
    const window = LANES_PAGE;
    this.enqueue((done) =>
      this.store.lanes({ partition, epoch, after, window }, (rows) => {
        if (rows instanceof Error) return done(rows);
        const complete = rows.length < window;
        this.learned(partition, epoch, { kind: 'lanes-read', read, rows, complete });
        done();
      }),
    );
  }

  expiries(partition: number, epoch: number, after: Millis): void {
    const window = this.host.limits.expiries;
    this.enqueue((done) =>
      this.store.expiries({ partition, after, window }, (rows) => {
        if (rows instanceof Error) return done(rows);
        const items = rows.map((row) => ({ id: row.id, rank: row.expires }));
        const complete = rows.length < window;
        this.learned(partition, epoch, { kind: 'expiries', items, complete });
        done();
      }),
    );
  }

  /** What of a job its partitions go by: whether it is paused. */
  job(partition: number, epoch: number, { inbox, job }: Effects<'read-job'>): void {
    this.enqueue((done) =>
      this.store.hold(job, (hold) => {
        if (hold instanceof Error) return done(hold);
        this.learned(partition, epoch, { kind: 'job-read', inbox, job, hold });
        done();
      }),
    );
  }

  /** A page of the runs that a job's pause holds. */
  held(partition: number, epoch: number, effect: Effects<'read-held'>): void {
    const { inbox, job, after, read } = effect;
    this.enqueue((done) =>
      this.store.held({ partition, job, after, window: HELD_PAGE }, (cells) => {
        if (cells instanceof Error) return done(cells);
        const complete = cells.length < HELD_PAGE;
        const page = { kind: 'held-read', inbox, job, after, read, cells, complete } as const;
        this.learned(partition, epoch, page);
        done();
      }),
    );
  }

  /** Specifications and large params that are not at hand, then the call-back. */
  bodies(wanted: BodiesWanted, next: (found: FoundBodies) => void): void {
    this.enqueue((done) =>
      this.store.bodies(wanted, (found) => {
        if (found instanceof Error) return done(found);
        this.host.tell({ kind: 'bodies', deliver: () => next(found) });
        done();
      }),
    );
  }

  /** Heard by the partition like any answer. */
  learned(partition: number, epoch: number, message: PartitionMessage): void {
    this.host.tell({ kind: 'read', partition, epoch, messages: [message] });
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
    this.enqueue((done) => this.sweepOnce(partitions, each, done), false);
  }

  private sweepOnce(
    partitions: readonly number[],
    each: number,
    done: (error?: Error) => void,
  ): void {
    this.store.inbox(partitions, each, (rows) => {
      if (!(rows instanceof Error)) {
        const counts = new Map<number, number>();
        for (const row of rows) counts.set(row.partition, (counts.get(row.partition) ?? 0) + 1);
        const more = [...counts.values()].some((count) => count >= each);
        this.host.tell({ kind: 'swept', partitions, rows, more });
      }
      this.sweeping = false;
      const next = this.sweepNext;
      this.sweepNext = [];
      this.sweep(next);
      done(rows instanceof Error ? rows : undefined);
    });
  }

  private fetchBatch(batch: readonly Wanted[], done: (error?: Error) => void): void {
    const ids = [...new Set(batch.map((wanted) => wanted.run))];
    this.store.runs(ids, (fetched) => {
      if (fetched instanceof Error) return done(fetched);
      for (const { partition, epoch, run, read } of batch) {
        const found = fetched.live.get(run);
        this.learned(partition, epoch, {
          kind: 'fetched',
          run,
          cell: found?.cell ?? null,
          taken: found?.taken ?? false,
          final: fetched.final.get(run) ?? null,
          read,
        });
      }
      done();
    });
  }

  private enqueue(work: Work, again = true): void {
    this.queue.push({ work, again });
    this.next();
  }

  private next(): void {
    const first = this.queue[0];
    if (this.asking || this.stopped || first === undefined) return;
    this.asking = true;
    first.work((error) => {
      if (error !== undefined) this.log.warn('a read failed', { error });
      if (error !== undefined && first.again) {
        this.host.after(RETRY_MS, () => {
          this.asking = false;
          this.next();
        });
        return;
      }
      this.queue.shift();
      this.asking = false;
      this.next();
    });
  }
}
