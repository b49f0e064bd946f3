import { Subscription } from 'rxjs';
import type { Feed, FeedEnd, FeedEvent, Lease, Replay, ReplayError } from '#feed';
import { type BufferBounds, frameOf } from './frame.js';
import { type EventFrame, type EventsRequest, LiveFailure } from './live-runs.js';
import type { Follower, LiveTail } from './live-tail.js';
import { type LiveTails, type Wanted, wantedOf } from './live-tails.js';
import { Pull, type PullSource } from './pull.js';
import type { Sieve } from './sieve.js';

export const STREAM = {
  /** What a reader may leave lying, beside one frame. */
  bufferEventsMax: 32_768,
  bufferCharsMax: 16 * 1_048_576,
  /** And for how long, when its connection takes nothing: who comes back reads the journal. */
  stalledMsMax: 5_000,
  /** Frames that wait for their reader are joined up to this… */
  frameEventsMax: 1_000,
  /** …when so many do. */
  framesApartMax: 64,
  /** So near to the head, live events are gathered while the rest is read. */
  spliceEventsMax: 1_000,
} as const;

export interface StreamHost {
  readonly feed: Feed;
  readonly tails: LiveTails;
  readonly buffer: BufferBounds;
  left(stream: EventStream): void;
}

/**
 * One subscriber's events. Opening (where does the feed stand?) → replaying, when it has a cursor
 * (page by page as it reads; nothing live is kept meanwhile) → splicing (near the head: the tail is
 * gathered while the rest is read up to the tail's beginning) → live, on a tail of its own until
 * that has nothing under way, then on the one of all who asked for the same. From each it may end.
 */
export class EventStream implements PullSource<EventFrame>, Follower {
  readonly pull = new Pull<EventFrame>(this);
  private readonly lease: Lease;
  private readonly subscriptions = new Subscription();
  private readonly leaving = new AbortController();
  private readonly wanted: Wanted;
  private tail: LiveTail | undefined;
  private sieve: Sieve | undefined;
  private isLive = false;
  private hasEnded = false;
  private readonly frames: EventFrame[] = [];
  private waiting = { events: 0, chars: 0 };
  /** Where the reader stands: everything up to here was handed over. */
  private resume: string | undefined;
  private lastCursor: string | undefined;
  private drained: (() => void) | undefined;

  constructor(
    private readonly host: StreamHost,
    request: EventsRequest,
  ) {
    const { projects, filter, partition, row } = request;
    this.wanted = wantedOf({ projects, filter, partition, row });
    this.resume = request.after;
    this.lease = host.feed.follow(partition);
  }

  start(): void {
    this.subscriptions.add(this.lease.end$.subscribe((end) => this.endedBy(end)));
    this.subscriptions.add(this.lease.opened$.subscribe(() => this.begin()));
  }

  take(): EventFrame | undefined {
    const frame = this.frames.shift();
    if (frame === undefined) return undefined;
    this.waiting.events -= frame.events.length;
    this.waiting.chars -= frame.chars;
    this.resume = frame.cursor;
    if (this.frames.length === 0) this.drained?.();
    return frame;
  }

  leave(): void {
    this.hasEnded = true;
    this.subscriptions.unsubscribe();
    this.leaving.abort();
    this.tail?.remove(this);
    this.sieve?.leave();
    this.lease.release();
    this.frames.length = 0;
    this.drained?.();
    this.host.left(this);
  }

  /** Slow is who has left a buffer lying when more comes; a frame alone is never too large. */
  receive(frame: EventFrame): void {
    if (this.isSlow) {
      this.overrun();
      return;
    }
    this.push(frame);
    this.joinSoon();
  }

  private get isSlow(): boolean {
    const { eventsMax, charsMax } = this.host.buffer;
    if (this.waiting.events >= eventsMax || this.waiting.chars >= charsMax) return true;
    return this.frames.length > 0 && this.pull.stalledMs >= STREAM.stalledMsMax;
  }

  overrun(): void {
    const resume = this.resume ?? this.frames[0]?.cursor ?? this.lease.cursor();
    this.fail(new LiveFailure({ kind: 'SLOW_CONSUMER', resume }));
  }

  /** A quiet stream's cursor must not grow older than the journal is kept. */
  refresh(): void {
    if (!this.isLive || this.tail?.isQuiet !== true || this.frames.length > 0) return;
    const cursor = this.tail.cursor();
    if (cursor !== this.lastCursor) this.push(frameOf(cursor, []));
  }

  private begin(): void {
    const { resume } = this;
    if (resume === undefined) {
      this.tail = this.host.tails.open(this.wanted);
      this.tail.add(this);
      this.isLive = true;
      this.push(frameOf(this.tail.cursor(), []));
      this.joinSoon();
      return;
    }
    const replay = this.lease.replay(this.wanted.query, resume);
    if ('kind' in replay) this.refuse(replay.kind);
    else this.replayAll(replay).catch((error: unknown) => this.pull.end({ error }));
  }

  /** Not within a batch of the feed: there one tail is told of what another is told of next. */
  private joinSoon(): void {
    if (this.tail?.isShared === true) return;
    queueMicrotask(() => {
      if (this.isLive && !this.hasEnded && this.tail !== undefined) {
        this.tail = this.host.tails.join(this.wanted, this.tail, this);
      }
    });
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
        this.tail = this.host.tails.open(this.wanted, replay);
        this.tail.add(this);
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
      const events = await this.sifted(page.events);
      if (this.hasEnded) return;
      if (events.length > 0) this.push(frameOf(this.lease.encode(replay.heads), events));
      await this.whenDrained();
    }
  }

  private async sifted(events: readonly FeedEvent[]): Promise<readonly FeedEvent[]> {
    this.sieve ??= this.host.tails.sieveOf(this.wanted);
    return (await this.sieve?.replayed(events, this.leaving.signal)) ?? events;
  }

  private goLive(): void {
    if (this.hasEnded) return;
    this.isLive = true;
    this.sieve?.leave();
    this.sieve = undefined;
    this.tail?.open();
    this.joinSoon();
  }

  /** Who is far behind reads larger frames of his own; they are no longer shared. */
  private push(frame: EventFrame): void {
    const last = this.frames.at(-1);
    const { cursor, events, chars } = frame;
    this.waiting.events += events.length;
    this.waiting.chars += chars;
    this.lastCursor = cursor;
    const isJoined =
      last !== undefined &&
      (!this.isLive || this.frames.length >= STREAM.framesApartMax) &&
      last.events.length > 0 &&
      last.events.length + events.length <= STREAM.frameEventsMax;
    if (isJoined) {
      const joined = { cursor, events: [...last.events, ...events], chars: last.chars + chars };
      this.frames.splice(-1, 1, joined);
    } else this.frames.push(frame);
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
