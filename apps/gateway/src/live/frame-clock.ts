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

export interface Framed {
  /** Hands on what was gathered. */
  flush(): void;
}

/** One timer for all streams, running only while one of them has something gathered. */
export class FrameClock {
  private readonly gathered = new Set<Framed>();
  /** Flushed within this frame: their next events are gathered. */
  private recent = new Set<Framed>();
  private ticking: Subscription | undefined;

  constructor(
    private readonly scheduler: SchedulerLike,
    private readonly frameMs: () => number = () => FRAME_MS,
  ) {}

  get isTicking(): boolean {
    return this.ticking !== undefined;
  }

  /** Something was gathered: flushed at once after a silence, else with the frame. */
  touch(framed: Framed): void {
    if (this.recent.has(framed)) {
      this.gathered.add(framed);
      return;
    }
    this.recent.add(framed);
    this.ticking ??= this.next();
    framed.flush();
  }

  forget(framed: Framed): void {
    this.gathered.delete(framed);
    this.recent.delete(framed);
    if (this.recent.size === 0) this.rest();
  }

  private tick(): void {
    const due = [...this.gathered];
    this.gathered.clear();
    this.recent = new Set(due);
    for (const framed of due) framed.flush();
    this.rest();
    if (this.recent.size > 0) this.ticking = this.next();
  }

  private next(): Subscription {
    return timer(this.frameMs(), this.scheduler).subscribe(() => this.tick());
  }

  private rest(): void {
    this.ticking?.unsubscribe();
    this.ticking = undefined;
  }
}
