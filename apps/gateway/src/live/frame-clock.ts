import { type SchedulerLike, type Subscription, timer } from 'rxjs';

/**
 * How long events are gathered into one frame. The trade: one execution and one message an event
 * collapsed at 1,000 subscribers × 100 events/s (measurements, GraphQL and WebSockets), and each
 * millisecond here is one of what a person waits at a steady rate. Under load a frame is as large
 * as its reader is slow, whatever stands here; so this is short. The first event after a silence
 * of that length waits for nothing.
 */
export const FRAME_MS = 2;
/** Messages cost about 20 µs each: for many readers frames are longer, up to what nobody sees. */
const FRAME_MS_MAX = 80;
const READERS_A_MS = 25;

export const frameMsFor = (readers: number): number =>
  Math.min(FRAME_MS_MAX, Math.max(FRAME_MS, readers / READERS_A_MS));

/** A frame's length is parted into so many steps: who is due in one is flushed in it. */
const STEPS = 8;

export interface Framed {
  /** Hands on what was gathered. */
  flush(): void;
}

interface Recent {
  /** When it may be flushed again. */
  readonly freeAt: number;
  isGathered: boolean;
}

/**
 * One timer for all streams, running only while one of them was flushed lately. Each has frames of
 * its own, and of those that are due together no more than their share goes in one step: else all
 * writes of a frame would come at once, and the last would wait for all others, each time.
 */
export class FrameClock {
  /** In the order in which they may be flushed again. */
  private readonly recent = new Map<Framed, Recent>();
  private ticking: Subscription | undefined;
  private tickedAt = 0;

  constructor(
    private readonly scheduler: SchedulerLike,
    private readonly frameMs: () => number = () => FRAME_MS,
  ) {}

  get isTicking(): boolean {
    return this.ticking !== undefined;
  }

  /** Something was gathered: flushed at once after a silence, else with the frame. */
  touch(framed: Framed): void {
    const recent = this.recent.get(framed);
    if (recent === undefined) this.flush(framed);
    else recent.isGathered = true;
  }

  forget(framed: Framed): void {
    this.recent.delete(framed);
    if (this.recent.size === 0) this.rest();
  }

  private flush(framed: Framed): void {
    this.recent.delete(framed);
    this.recent.set(framed, { freeAt: this.scheduler.now() + this.frameMs(), isGathered: false });
    if (this.ticking === undefined) {
      this.tickedAt = this.scheduler.now();
      this.ticking = this.next();
    }
    framed.flush();
  }

  private tick(): void {
    this.ticking = this.next();
    const now = this.scheduler.now();
    const frameMs = this.frameMs();
    // By the time that has passed: steps that come late must not make frames longer.
    const stepMs = Math.max(stepOf(frameMs), now - this.tickedAt);
    this.tickedAt = now;
    let share = Math.ceil((this.recent.size * stepMs) / frameMs);
    for (const [framed, { freeAt, isGathered }] of this.recent) {
      // A clock that was set back must not hold anybody.
      const isEarly = freeAt > now && freeAt <= now + frameMs;
      if (isEarly || share === 0) break;
      if (isGathered) {
        share--;
        this.flush(framed);
      } else this.recent.delete(framed);
    }
    if (this.recent.size === 0) this.rest();
  }

  private next(): Subscription {
    return timer(stepOf(this.frameMs()), this.scheduler).subscribe(() => this.tick());
  }

  private rest(): void {
    this.ticking?.unsubscribe();
    this.ticking = undefined;
  }
}

const stepOf = (frameMs: number): number => Math.max(FRAME_MS, frameMs / STEPS);
