import { Observable, ReplaySubject, Subscription } from 'rxjs';
import type { Cursor, CursorError } from './cursor.js';
import type { FeedEvent, FeedQuery } from './event.js';
import type { Replay } from './replay.js';
import type { Router } from './router.js';

/** Why a feed ends for those who follow; the next lease begins at the head of then. */
export type FeedEnd =
  /** The journal lacks what comes next: retention dropped it. */
  | { readonly kind: 'GONE' }
  /** The cluster was restored to an earlier point: places mean nothing any more. */
  | { readonly kind: 'RESTORED' }
  | { readonly kind: 'UNREADABLE'; readonly partition: number }
  | { readonly kind: 'STOPPED' };

/** What a lease needs of its feed. */
export interface LeaseHost {
  readonly router: Router;
  readonly partitions: number;
  at(partition: number): number | undefined;
  encode(cursor: Cursor): string;
  /** The cursor of all partitions as they are now; shared by everybody who asks. */
  cursorOfAll(): string;
  decode(text: string): Cursor | CursorError;
  /** Until the signal. */
  replay(query: FeedQuery, places: Map<number, number>, signal: AbortSignal): Replay;
  release(lease: Lease): void;
}

/** What comes live, and the cursor that covers exactly what has come. */
export interface Tail {
  /** One emission a batch. Hot: it begins with the subscription, and ends never by itself. */
  readonly events$: Observable<readonly FeedEvent[]>;
  cursor(): string;
  /** Some of what the feed has still to pass on was read already. */
  isAhead(): boolean;
}

/** Somebody's interest in one partition or in all. Nothing of it is left after `release`. */
export class Lease {
  private readonly opening = new ReplaySubject<void>(1);
  private readonly ends = new ReplaySubject<FeedEnd>(1);
  /** Emits once, when it is known where the partitions stand; at once when it is already. */
  readonly opened$: Observable<void> = this.opening;
  /** Emits once, if the feed ends it; it is released by then. */
  readonly end$: Observable<FeedEnd> = this.ends;
  private readonly listening = new Subscription();
  private readonly leaving = new AbortController();
  private isOpened = false;

  constructor(
    private readonly host: LeaseHost,
    /** Undefined: all. */
    readonly partition: number | undefined,
  ) {}

  get partitions(): readonly number[] {
    if (this.partition !== undefined) return [this.partition];
    return Array.from({ length: this.host.partitions }, (_, id) => id);
  }

  /** Where the feed stands: everything up to here was passed on. */
  heads(): Map<number, number> {
    return new Map(this.partitions.map((id) => [id, this.host.at(id) ?? 0]));
  }

  /** The feed calls it whenever a partition has opened. */
  lookWhetherOpened(): void {
    if (this.isOpened) return;
    if (this.partitions.some((id) => this.host.at(id) === undefined)) return;
    this.isOpened = true;
    this.opening.next();
  }

  /**
   * What comes from now on and lies after `reached`: who replayed has read some of what the feed
   * has still to pass on.
   */
  tail(query: FeedQuery, reached?: Pick<Replay, 'at'>): Tail {
    const after = reached === undefined ? undefined : new Ahead(this, reached);
    const isNew = (event: FeedEvent): boolean => after?.isBehind(event) !== true;
    return {
      events$: this.hot((tell) => this.host.router.listen(query, isNew, tell)),
      cursor: () => {
        const heads = after?.heads();
        return heads === undefined ? this.cursor() : this.encode(heads);
      },
      isAhead: () => after?.heads() !== undefined,
    };
  }

  /** The seq of the newest event of the run, one emission a batch; no event leaves. */
  changes$(run: string): Observable<number> {
    return this.hot((tell) => this.host.router.watch(run, tell));
  }

  cursor(): string {
    return this.partition === undefined ? this.host.cursorOfAll() : this.encode(this.heads());
  }

  encode(heads: ReadonlyMap<number, number>): string {
    const { partition } = this;
    if (partition !== undefined) {
      return this.host.encode({ kind: 'one', partition, seq: heads.get(partition) ?? 0 });
    }
    return this.host.encode({ kind: 'all', heads: this.partitions.map((p) => heads.get(p) ?? 0) });
  }

  /** A cursor of all partitions says enough for one; the other way round it does not. */
  replay(query: FeedQuery, cursor: string): Replay | CursorError {
    const place = this.host.decode(cursor);
    if (place.kind === 'CURSOR_EXPIRED' || place.kind === 'BAD_CURSOR') return place;
    const seqOf = (id: number): number | undefined =>
      place.kind === 'all' ? place.heads[id] : place.partition === id ? place.seq : undefined;
    if (place.kind === 'all' && place.heads.length !== this.host.partitions) return BAD;
    const places = new Map<number, number>();
    for (const id of this.partitions) {
      const seq = seqOf(id);
      if (seq === undefined) return BAD;
      places.set(id, seq);
    }
    return this.host.replay(query, places, this.leaving.signal);
  }

  /** The feed's word, after it has let the lease go. */
  endBy(end: FeedEnd): void {
    this.ends.next(end);
  }

  release(): void {
    this.host.release(this);
  }

  /** The feed's part of a release: nothing is heard or read through it any more. */
  close(): void {
    this.leaving.abort();
    this.listening.unsubscribe();
  }

  private hot<T>(listen: (tell: (value: T) => void) => () => void): Observable<T> {
    return new Observable((subscriber) => {
      const leave = new Subscription(listen((value) => subscriber.next(value)));
      this.listening.add(leave);
      return leave;
    });
  }
}

const BAD: CursorError = { kind: 'BAD_CURSOR' };

/** The places of a reader who is ahead of the feed, until the feed has caught up everywhere. */
class Ahead {
  private readonly places = new Map<number, number>();

  constructor(
    private readonly lease: Lease,
    reached: Pick<Replay, 'at'>,
  ) {
    for (const [partition, head] of lease.heads()) {
      const at = reached.at(partition);
      if (at > head) this.places.set(partition, at);
    }
  }

  isBehind({ partition, seq }: FeedEvent): boolean {
    return this.places.size > 0 && seq <= (this.places.get(partition) ?? 0);
  }

  /** Undefined: nowhere ahead any more. */
  heads(): ReadonlyMap<number, number> | undefined {
    if (this.places.size === 0) return undefined;
    const heads = this.lease.heads();
    for (const [partition, place] of this.places) {
      if ((heads.get(partition) ?? 0) >= place) this.places.delete(partition);
      else heads.set(partition, place);
    }
    return heads;
  }
}
