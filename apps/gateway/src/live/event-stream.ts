import { Subscription } from 'rxjs';
import type { Feed, FeedEnd, FeedEvent, FeedQuery, Lease, Replay, ReplayError, Tail } from '#feed';
import type { FrameClock, Framed } from './frame-clock.js';
import {
  type EventFrame,
  type EventsRequest,
  LiveFailure,
  type RunEventFilter,
} from './live-runs.js';
import { Pull, type PullSource } from './pull.js';

export const STREAM = {
  /** What a reader may leave lying (beside one batch): with 4 KiB of data in each, 16 MiB. */
  bufferEventsMax: 32_768,
  /** Frames that wait for their reader are joined up to this. */
  frameEventsMax: 1_000,
  /** So near to the head, live events are gathered while the rest is read. */
  spliceEventsMax: 1_000,
} as const;

export interface StreamHost {
  readonly feed: Feed;
  readonly clock: FrameClock;
  readonly bufferEventsMax: number;
  left(stream: EventStream): void;
}

/**
 * One subscriber's events. Opening (where does the feed stand?) → replaying, when it has a cursor
 * (page by page as it reads; nothing live is kept meanwhile) → splicing (near the head: the tail is
 * gathered while the rest is read up to the tail's beginning) → live. From each it may end.
 */
export class EventStream implements PullSource<EventFrame>, Framed {
  readonly pull = new Pull<EventFrame>(this);
  private readonly lease: Lease;
  private readonly subscriptions = new Subscription();
  private readonly leaving = new AbortController();
  private readonly query: FeedQuery;
  private tail: Tail | undefined;
  private isLive = false;
  private hasEnded = false;
  /** Live, and not yet in a frame. */
  private gathered: FeedEvent[] = [];
  private readonly frames: EventFrame[] = [];
  private waiting = 0;
  /** Where the reader stands: everything up to here was handed over. */
  private resume: string | undefined;
  private lastCursor: string | undefined;
  private drained: (() => void) | undefined;

  constructor(
    private readonly host: StreamHost,
    request: EventsRequest,
  ) {
    this.query = { projects: new Set(request.projects), filter: withoutNulls(request.filter) };
    this.resume = request.after;
    this.lease = host.feed.follow(request.partition);
  }

  start(): void {
    this.subscriptions.add(this.lease.end$.subscribe((end) => this.endedBy(end)));
    this.subscriptions.add(this.lease.opened$.subscribe(() => this.begin()));
  }

  take(): EventFrame | undefined {
    const frame = this.frames.shift();
    if (frame === undefined) return undefined;
    this.waiting -= frame.events.length;
    this.resume = frame.cursor;
    if (this.frames.length === 0) this.drained?.();
    return frame;
  }

  leave(): void {
    this.hasEnded = true;
    this.subscriptions.unsubscribe();
    this.leaving.abort();
    this.lease.release();
    this.host.clock.forget(this);
    this.frames.length = 0;
    this.gathered.length = 0;
    this.drained?.();
    this.host.left(this);
  }

  /** What was gathered becomes a frame, and its cursor is where the feed stands now. */
  flush(): void {
    if (!this.isLive || this.tail === undefined || this.gathered.length === 0) return;
    const events = this.gathered;
    this.gathered = [];
    this.push(events, this.tail.cursor());
  }

  /** A quiet stream's cursor must not grow older than the journal is kept. */
  refresh(): void {
    if (!this.isLive || this.tail === undefined || this.waiting + this.gathered.length > 0) return;
    const cursor = this.tail.cursor();
    if (cursor !== this.lastCursor && this.frames.length === 0) this.push([], cursor);
  }

  private begin(): void {
    const { resume } = this;
    if (resume === undefined) {
      const tail = this.listen(this.lease.tail(this.query));
      this.isLive = true;
      this.push([], tail.cursor());
      return;
    }
    const replay = this.lease.replay(this.query, resume);
    if ('kind' in replay) this.refuse(replay.kind);
    else this.replayAll(replay).catch((error: unknown) => this.pull.end({ error }));
  }

  private listen(tail: Tail): Tail {
    this.tail = tail;
    this.subscriptions.add(tail.events$.subscribe((events) => this.gather(events)));
    return tail;
  }

  private async replayAll(replay: Replay): Promise<void> {
    while (!this.isLive && !this.hasEnded) {
      const aimed = await replay.aim();
      if (this.hasEnded) return;
      if ('kind' in aimed) {
        this.endedBy(aimed);
        return;
      }
      const isNear = aimed.behind <= STREAM.spliceEventsMax;
      // In one turn: what is gathered begins exactly where the reading will stop.
      if (isNear) {
        this.listen(this.lease.tail(this.query, replay));
        replay.aimAt(this.lease.heads());
      }
      await this.replayTo(replay);
      if (isNear) this.goLive();
    }
  }

  private async replayTo(replay: Replay): Promise<void> {
    while (!replay.isAtTarget && !this.hasEnded) {
      const page = await replay.page();
      if (this.hasEnded) return;
      if (!page.ok) {
        this.endedBy(page.error);
        return;
      }
      if (page.events.length > 0) this.push(page.events, this.lease.encode(replay.heads));
      await this.whenDrained();
    }
  }

  private goLive(): void {
    if (this.hasEnded) return;
    this.isLive = true;
    if (this.gathered.length > 0) this.host.clock.touch(this);
  }

  /**
   * Slow is who has left a buffer lying when more comes. What waits for its frame is our doing, and
   * a batch alone is never too large: the journal fills a gap by thousands.
   */
  private gather(events: readonly FeedEvent[]): void {
    const lying = this.waiting + (this.isLive ? 0 : this.gathered.length);
    if (lying >= this.host.bufferEventsMax) {
      const resume = this.resume ?? this.frames[0]?.cursor ?? this.lease.cursor();
      this.fail(new LiveFailure({ kind: 'SLOW_CONSUMER', resume }));
      return;
    }
    for (const event of events) this.gathered.push(event);
    if (!this.isLive) return;
    if (this.gathered.length >= STREAM.frameEventsMax) this.flush();
    else this.host.clock.touch(this);
  }

  private push(events: readonly FeedEvent[], cursor: string): void {
    const last = this.frames.at(-1);
    this.waiting += events.length;
    this.lastCursor = cursor;
    const isJoined =
      last !== undefined &&
      last.events.length > 0 &&
      last.events.length + events.length <= STREAM.frameEventsMax;
    if (isJoined) this.frames.splice(-1, 1, { cursor, events: [...last.events, ...events] });
    else this.frames.push({ cursor, events });
    this.pull.wake();
  }

  private whenDrained(): Promise<void> {
    if (this.frames.length === 0 || this.hasEnded) return Promise.resolve();
    return new Promise((resolve) => {
      this.drained = () => {
        this.drained = undefined;
        resolve();
      };
    });
  }

  // ── Ends ─────────────────────────────────────────────────────────────────────────────────────

  private endedBy(end: FeedEnd | ReplayError): void {
    switch (end.kind) {
      case 'LEFT':
      case 'STOPPED':
        this.pull.end();
        return;
      case 'UNREADABLE':
        this.fail(new Error(`partition ${end.partition} has a segment of a newer version`));
        return;
      case 'GONE':
      case 'RESTORED':
        this.refuse('CURSOR_EXPIRED');
        return;
      case 'CURSOR_EXPIRED':
      case 'BAD_CURSOR':
        this.refuse(end.kind);
        return;
      default: {
        const never: never = end;
        return never;
      }
    }
  }

  private refuse(kind: 'CURSOR_EXPIRED' | 'BAD_CURSOR'): void {
    if (kind === 'BAD_CURSOR') {
      this.fail(new LiveFailure({ kind }));
      return;
    }
    this.hasEnded = true;
    this.host.feed.oldest(this.lease.partition, this.leaving.signal).then(
      (oldest) =>
        oldest === undefined ? this.pull.end() : this.fail(new LiveFailure({ kind, oldest })),
      (error: unknown) => this.pull.end({ error }),
    );
  }

  private fail(error: Error): void {
    this.pull.end({ error });
  }
}

/** GraphQL says null for what is left out; the feed, which everybody shares, must not meet it. */
function withoutNulls({ runs, jobs, states, executors, types }: RunEventFilter): RunEventFilter {
  return {
    runs: runs ?? undefined,
    jobs: jobs ?? undefined,
    states: states ?? undefined,
    executors: executors ?? undefined,
    types: types ?? undefined,
  };
}
