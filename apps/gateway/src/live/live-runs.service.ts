import { type SchedulerLike, type Subscription, asyncScheduler, interval } from 'rxjs';
import type { Feed } from '#feed';
import { EventStream, STREAM } from './event-stream.js';
import type { BufferBounds } from './frame.js';
import { FrameClock, frameMsFor } from './frame-clock.js';
import type { EventFrame, EventsRequest, LiveRuns, RunPlace, RunSignal } from './live-runs.js';
import { LiveTails } from './live-tails.js';
import type { Stream } from './pull.js';
import type { ReadTraits } from './run-traits.js';
import { SignalStream } from './signal-stream.js';

/** A stream in which nothing happens is given a newer cursor this often. */
export const REFRESH_MS = 30_000;

export interface LiveRunsOptions {
  readonly scheduler?: SchedulerLike;
  readonly bufferEventsMax?: number;
  readonly bufferCharsMax?: number;
  readonly readTraits?: ReadTraits;
  /** How long events are gathered, by the number of readers. */
  readonly frameMs?: (readers: number) => number;
}

/** Every subscriber of this gateway, over one shared feed. */
export class LiveRunsService implements LiveRuns {
  private readonly eventStreams = new Set<EventStream>();
  private readonly signalStreams = new Set<SignalStream>();
  private readonly scheduler: SchedulerLike;
  private readonly clock: FrameClock;
  private readonly tails: LiveTails;
  private readonly buffer: BufferBounds;
  private refreshing: Subscription | undefined;

  constructor(
    private readonly feed: Feed,
    options: LiveRunsOptions = {},
  ) {
    this.scheduler = options.scheduler ?? asyncScheduler;
    const { scheduler } = this;
    const { frameMs = frameMsFor } = options;
    this.clock = new FrameClock(scheduler, () => frameMs(this.eventStreams.size));
    this.buffer = {
      eventsMax: options.bufferEventsMax ?? STREAM.bufferEventsMax,
      charsMax: options.bufferCharsMax ?? STREAM.bufferCharsMax,
    };
    this.tails = new LiveTails({
      feed,
      clock: this.clock,
      scheduler,
      buffer: this.buffer,
      readTraits: options.readTraits ?? (() => Promise.reject(new Error('rows are not read here'))),
    });
  }

  events(request: EventsRequest): Stream<EventFrame> {
    const { feed, tails, buffer } = this;
    const left = (gone: EventStream): void => this.left(gone);
    const stream = new EventStream({ feed, tails, buffer, left }, request);
    this.eventStreams.add(stream);
    this.refreshing ??= interval(REFRESH_MS, this.scheduler).subscribe(() => {
      for (const each of this.eventStreams) each.refresh();
    });
    stream.start();
    return stream.pull;
  }

  changed(run: RunPlace): Stream<RunSignal> {
    const { feed, clock } = this;
    const left = (gone: SignalStream): boolean => this.signalStreams.delete(gone);
    const stream = new SignalStream({ feed, clock, left }, run);
    this.signalStreams.add(stream);
    stream.start();
    return stream.pull;
  }

  /** What is held for subscribers: all zero when there are none. */
  get counts() {
    const timers = (this.clock.isTicking ? 1 : 0) + (this.refreshing === undefined ? 0 : 1);
    return {
      eventStreams: this.eventStreams.size,
      signalStreams: this.signalStreams.size,
      ...this.tails.counts,
      timers,
    };
  }

  private left(stream: EventStream): void {
    this.eventStreams.delete(stream);
    if (this.eventStreams.size > 0) return;
    this.refreshing?.unsubscribe();
    this.refreshing = undefined;
  }
}
