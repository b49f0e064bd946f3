import { Subscription } from 'rxjs';
import type { FeedEvent, Lease, Tail } from '#feed';
import type { FrameClock, Framed } from './frame-clock.js';
import { type BufferBounds, charsOf, frameOf } from './frame.js';
import type { EventFrame } from './live-runs.js';
import type { Sieve } from './sieve.js';

/** So many live events are a frame, though its time has not come. */
const FRAME_EVENTS_MAX = 1_000;

export interface Follower {
  /** The same object for all who follow: what is made of it is made once. */
  receive(frame: EventFrame): void;
  /** More has been gathered than may lie, and cannot be framed yet. */
  overrun(): void;
}

export interface LiveTailOptions {
  /** The tail's own; nobody else releases it. */
  readonly lease: Lease;
  readonly tail: Tail;
  readonly clock: FrameClock;
  readonly sieve: Sieve | undefined;
  readonly buffer: BufferBounds;
  /** Nothing is framed before `open`: its follower still reads what was before. */
  readonly isHeld: boolean;
  closed(tail: LiveTail): void;
}

/** What comes live of one query: gathered, sieved and framed once for everybody who follows it. */
export class LiveTail implements Framed {
  private readonly followers = new Set<Follower>();
  private readonly subscriptions = new Subscription();
  private readonly leaving = new AbortController();
  private gathered: FeedEvent[] = [];
  /** Of what had to wait. */
  private gatheredChars = 0;
  private isSieving = false;
  private isHeld: boolean;
  private isTouching = false;
  /** Others who ask for the same may join. */
  isShared = false;

  constructor(private readonly options: LiveTailOptions) {
    const { tail, lease, isHeld } = options;
    this.isHeld = isHeld;
    this.subscriptions.add(tail.events$.subscribe((events) => this.gather(events)));
    this.subscriptions.add(lease.end$.subscribe(() => this.close()));
  }

  /** Everything that came is with those who follow, and its cursor is the feed's. */
  get isSettled(): boolean {
    return this.isQuiet && !this.isHeld && !this.options.tail.isAhead();
  }

  /** Nothing is under way to those who follow; of a closed one nobody knows. */
  get isQuiet(): boolean {
    return this.gathered.length === 0 && !this.isSieving && !this.isClosed;
  }

  get isClosed(): boolean {
    return this.leaving.signal.aborted;
  }

  cursor(): string {
    return this.options.tail.cursor();
  }

  add(follower: Follower): void {
    this.followers.add(follower);
  }

  /** With the last who follows goes everything. */
  remove(follower: Follower): void {
    this.followers.delete(follower);
    if (this.followers.size === 0) this.close();
  }

  open(): void {
    this.isHeld = false;
    if (this.gathered.length > 0) this.options.clock.touch(this);
  }

  /** What was gathered becomes a frame, and its cursor is where the feed stands now. */
  flush(): void {
    if (this.isHeld || this.isSieving || this.gathered.length === 0) return;
    const events = this.gathered;
    const cursor = this.cursor();
    this.gathered = [];
    this.gatheredChars = 0;
    const kept = this.options.sieve?.pass(events, this.leaving.signal) ?? events;
    if (kept instanceof Promise)
      void this.wait(kept, cursor); // it rejects never
    else this.hand(frameOf(cursor, kept));
  }

  private async wait(sieved: Promise<readonly FeedEvent[]>, cursor: string): Promise<void> {
    this.isSieving = true;
    const events = await sieved;
    this.isSieving = false;
    if (this.isClosed) return;
    this.hand(frameOf(cursor, events));
    if (this.gathered.length > 0) this.options.clock.touch(this);
  }

  private hand(frame: EventFrame): void {
    if (frame.events.length === 0) return;
    for (const follower of [...this.followers]) follower.receive(frame);
  }

  private get isFull(): boolean {
    const { eventsMax, charsMax } = this.options.buffer;
    return this.gathered.length >= eventsMax || this.gatheredChars >= charsMax;
  }

  private gather(events: readonly FeedEvent[]): void {
    const mustWait = this.isHeld || this.isSieving;
    if (mustWait && this.isFull) {
      for (const follower of [...this.followers]) follower.overrun();
      return;
    }
    for (const event of events) this.gathered.push(event);
    this.options.sieve?.expect(events);
    if (mustWait) {
      this.gatheredChars += charsOf(events);
      return;
    }
    if (this.options.sieve !== undefined) this.touchSoon();
    else if (this.gathered.length >= FRAME_EVENTS_MAX) this.flush();
    else this.options.clock.touch(this);
  }

  /** Of the batch under way somebody else may be told next that a row has changed. */
  private touchSoon(): void {
    if (this.isTouching) return;
    this.isTouching = true;
    queueMicrotask(() => {
      this.isTouching = false;
      if (!this.isClosed) this.options.clock.touch(this);
    });
  }

  private close(): void {
    if (this.isClosed) return;
    this.leaving.abort();
    this.subscriptions.unsubscribe();
    this.gathered = [];
    this.options.clock.forget(this);
    this.options.sieve?.leave();
    this.options.lease.release();
    this.options.closed(this);
  }
}
