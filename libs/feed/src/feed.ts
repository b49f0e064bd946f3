import {
  BehaviorSubject,
  EMPTY,
  type Observable,
  type SchedulerLike,
  Subject,
  type Subscription,
  asyncScheduler,
  auditTime,
  delay,
  distinctUntilChanged,
  filter,
  interval,
  merge,
  switchMap,
  tap,
} from 'rxjs';
import { LIVE, type Live, type Topics } from '#protocol';
import { type Cursor, CursorCodec, type CursorError } from './cursor.js';
import { type FeedQuery, openSegment } from './event.js';
import { Filler } from './filler.js';
import { Followed } from './followed.js';
import { FEED, type Heads, readHeads$ } from './heads.js';
import type { Journal } from './journal.js';
import { type FeedEnd, Lease } from './lease.js';
import type { FollowMessage, FollowedPartition } from './partition.machine.js';
import { type FeedLog, Seldom } from './log.js';
import { ReplayReads } from './replay-reads.js';
import { Replay } from './replay.js';
import { Router } from './router.js';
import { type Wire, live$, sayWanted } from './wire.js';

export interface FeedOptions {
  /** Who asks for segments, on the wire. */
  readonly sender: string;
  readonly partitions: number;
  readonly life: string;
  readonly topics: Topics;
  readonly wire: Wire;
  readonly journal: Journal;
  readonly log: FeedLog;
  readonly scheduler?: SchedulerLike;
}

/** The journal of all partitions, followed by any number of leases; idle while there is none. */
export class Feed {
  private readonly router = new Router();
  private readonly followed: Followed;
  private readonly filler: Filler;
  private readonly leases = new Set<Lease>();
  /** Whose gap is being read. */
  private readonly reading = new Map<number, FollowedPartition>();
  private readonly isFollowing = new BehaviorSubject(false);
  private readonly newlyFollowed = new Subject<void>();
  private readonly scheduler: SchedulerLike;
  private cursors: CursorCodec;
  private life: string;
  private cursorText: { readonly version: number; readonly text: string } | undefined;
  private running: Subscription | undefined;
  private readonly replays: ReplayReads;
  /** Anybody may write to a broker. */
  private readonly poisoned: Seldom;

  constructor(private readonly options: FeedOptions) {
    const { journal, log, scheduler = asyncScheduler } = options;
    this.scheduler = scheduler;
    this.poisoned = new Seldom(log, scheduler);
    const unread = new Seldom(log, scheduler);
    this.replays = new ReplayReads({
      journal,
      scheduler,
      failed: (error) => unread.warn('a replay could not be read on', nameOf(error), { error }),
    });
    this.life = options.life;
    this.cursors = new CursorCodec(options.life);
    this.followed = new Followed({
      pass: (_partition, { events }, skip) =>
        this.router.route(skip === 0 ? events : events.slice(skip)),
      read: (partition, after) => {
        const state = this.followed.stateOf(partition);
        if (state !== undefined) this.reading.set(partition, state);
        this.filler.want({ partition, after });
      },
      broken: (partition, why) =>
        this.end(partition, { kind: why === 'gone' ? 'GONE' : 'RESTORED' }),
    });
    this.filler = new Filler(journal, {
      filled: (pages) => {
        for (const page of pages) this.filled(page);
        this.router.flush();
      },
      unfilled: (partitions, error) => {
        log.warn('a gap could not be read and is asked for again', { partitions, error });
        for (const partition of partitions) this.answer(partition, { kind: 'unread' });
      },
    });
  }

  start(): void {
    this.running ??= this.isFollowing
      .pipe(
        distinctUntilChanged(),
        switchMap((following) => (following ? this.work$() : EMPTY)),
      )
      .subscribe();
  }

  /** Everybody who follows is told. */
  stop(): void {
    this.endAll([...this.leases], { kind: 'STOPPED' });
    this.replays.stop();
    this.running?.unsubscribe();
    this.running = undefined;
  }

  /** All that is held for those who follow: all zero when nobody does. */
  get counts() {
    const { router, followed, leases, poisoned } = this;
    return {
      leases: leases.size,
      partitions: followed.ids.length,
      listeners: router.size,
      keys: router.keys,
      looked: router.looked,
      poisoned: poisoned.count,
    };
  }

  follow(partition?: number): Lease {
    const lease = new Lease(this.leaseHost(), partition);
    this.leases.add(lease);
    const added = lease.partitions.filter((id) => this.followed.add(id));
    this.isFollowing.next(true);
    if (added.length > 0) this.newlyFollowed.next();
    lease.lookWhetherOpened();
    return lease;
  }

  /** The oldest cursor from which everything can be read; undefined: stopped, or left by signal. */
  async oldest(partition: number | undefined, signal: AbortSignal): Promise<string | undefined> {
    const places = await this.replays.oldest(signal);
    if (places === undefined) return undefined;
    const heads = places.map(({ seq }) => seq);
    if (partition === undefined) return this.cursors.encode({ kind: 'all', heads });
    return this.cursors.encode({ kind: 'one', partition, seq: heads[partition] ?? 0 });
  }

  private leaseHost() {
    return {
      router: this.router,
      partitions: this.options.partitions,
      at: (partition: number) => this.followed.at(partition),
      encode: (cursor: Cursor) => this.cursors.encode(cursor),
      cursorOfAll: () => this.cursorOfAll(),
      decode: (text: string): Cursor | CursorError => {
        const decoded = this.cursors.decode(text);
        return decoded.ok ? decoded.cursor : decoded.error;
      },
      replay: (query: FeedQuery, places: Map<number, number>, signal: AbortSignal) =>
        new Replay(this.replays.of(signal), query, places),
      release: (lease: Lease) => this.release(lease),
    };
  }

  private cursorOfAll(): string {
    const { version } = this.followed;
    if (this.cursorText?.version !== version) {
      const { partitions } = this.options;
      const heads = Array.from({ length: partitions }, (_, id) => this.followed.at(id) ?? 0);
      this.cursorText = { version, text: this.cursors.encode({ kind: 'all', heads }) };
    }
    return this.cursorText.text;
  }

  private release(lease: Lease): void {
    if (!this.leases.delete(lease)) return;
    lease.close();
    for (const partition of lease.partitions) {
      this.followed.remove(partition);
      if (this.followed.has(partition)) continue;
      this.filler.forget(partition);
      this.reading.delete(partition);
    }
    this.isFollowing.next(this.leases.size > 0);
  }

  private end(partition: number, end: FeedEnd): void {
    this.options.log.error('a partition can no longer be followed', { partition, ...end });
    const covers = (lease: Lease): boolean =>
      lease.partition === undefined || lease.partition === partition;
    this.endAll([...this.leases].filter(covers), end);
  }

  /** All are released before one is told: who follows anew meets nothing of what has ended. */
  private endAll(leases: readonly Lease[], end: FeedEnd): void {
    for (const lease of leases) this.release(lease);
    for (const lease of leases) lease.endBy(end);
  }

  // ── While somebody follows ───────────────────────────────────────────────────────────────────

  private work$(): Observable<unknown> {
    const { wire, topics, sender } = this.options;
    const { scheduler } = this;
    const poison = (topic: string, why: string): void => this.poison({ topic }, why);
    const reasons$ = merge(
      this.newlyFollowed.pipe(auditTime(FEED.wantAuditMs, scheduler)),
      interval(LIVE.restateMs, scheduler),
      wire.up$.pipe(filter(Boolean)),
    );
    return merge(
      live$(wire, topics, poison).pipe(tap((items) => this.hear(items))),
      reasons$.pipe(tap(() => sayWanted(wire, topics, sender, this.followed.ids))),
      this.heads$(),
    );
  }

  private heads$(): Observable<unknown> {
    const { journal, log } = this.options;
    const failed = (error: unknown): void =>
      log.warn('the heads of the journal could not be read', { error });
    const read = (): Promise<Heads> => journal.heads(this.followed.ids);
    return readHeads$(read, failed, this.newlyFollowed, this.scheduler).pipe(
      tap((heads) => this.opened(heads)),
      delay(FEED.headGraceMs, this.scheduler),
      tap(({ heads }) => this.hear([{ kind: 'heads', heads }])),
    );
  }

  private opened({ life, heads }: Heads): void {
    if (life !== this.life) {
      this.restored(life);
      return;
    }
    for (const { partition, seq } of heads) {
      if (this.followed.at(partition) !== undefined) continue;
      this.followed.tell(partition, { kind: 'opened', head: seq });
    }
    for (const lease of [...this.leases]) lease.lookWhetherOpened();
    this.router.flush();
    // Followed since the question was asked.
    if (this.followed.ids.some((id) => this.followed.at(id) === undefined)) {
      queueMicrotask(() => this.newlyFollowed.next());
    }
  }

  private restored(life: string): void {
    this.life = life;
    this.cursors = new CursorCodec(life);
    this.cursorText = undefined;
    this.endAll([...this.leases], { kind: 'RESTORED' });
  }

  private hear(items: readonly Live[]): void {
    for (const item of items) {
      if (item.kind === 'segment') this.segment(item);
      else if (item.kind === 'heads') {
        for (const { partition, seq } of item.heads) {
          this.followed.tell(partition, { kind: 'head', seq });
        }
      }
    }
    this.router.flush();
  }

  private segment(item: Live & { kind: 'segment' }): void {
    const { partition, seq, n, events: text } = item;
    if (!this.followed.has(partition)) return;
    if (seq + n - 1 <= (this.followed.at(partition) ?? 0)) return;
    const segment = openSegment(partition, { seq, n, text });
    // As good as lost: the journal has it, and the next word of its place reveals it.
    if (segment === undefined) this.poison({ partition }, 'segment');
    else this.followed.tell(partition, { kind: 'segment', segment });
  }

  private filled(page: Awaited<ReturnType<Journal['fill']>>[number]): void {
    const { partition, after, head } = page;
    const segments = page.segments.map((sealed) => openSegment(partition, sealed));
    const readable = segments.filter((segment) => segment !== undefined);
    if (readable.length < segments.length) this.end(partition, { kind: 'UNREADABLE', partition });
    else this.answer(partition, { kind: 'page', after, head, segments: readable });
  }

  /** Not for a partition that was let go and is followed anew: it asked for nothing yet. */
  private answer(partition: number, message: FollowMessage): void {
    const asked = this.reading.get(partition);
    if (asked === undefined || asked !== this.followed.stateOf(partition)) return;
    this.followed.tell(partition, message);
  }

  private poison(where: Readonly<Record<string, unknown>>, why: string): void {
    this.poisoned.warn('a message makes no sense and is dropped', why, where);
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);
