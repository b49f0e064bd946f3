import { Subscription } from 'rxjs';
import type { Feed, FeedEnd, Lease } from '#feed';
import type { FrameClock, Framed } from './frame-clock.js';
import type { RunPlace, RunSignal } from './live-runs.js';
import { Pull, type PullSource } from './pull.js';

export interface SignalHost {
  readonly feed: Feed;
  readonly clock: FrameClock;
  left(stream: SignalStream): void;
}

/**
 * That one run has changed: a level, so a slow reader gets one signal for many changes, and a feed
 * that ends is followed anew with a signal, because its reader reads the run at each.
 */
export class SignalStream implements PullSource<RunSignal>, Framed {
  readonly pull = new Pull<RunSignal>(this);
  private lease: Lease | undefined;
  private subscriptions = new Subscription();
  private signal: RunSignal | undefined;

  constructor(
    private readonly host: SignalHost,
    private readonly run: RunPlace,
  ) {}

  start(): void {
    const lease = this.host.feed.follow(this.run.partition);
    this.lease = lease;
    this.subscriptions.add(lease.end$.subscribe((end) => this.ended(end)));
    this.subscriptions.add(
      lease.opened$.subscribe(() => {
        const changes$ = lease.changes$(this.run.id);
        this.subscriptions.add(changes$.subscribe(() => this.host.clock.touch(this)));
        this.host.clock.touch(this);
      }),
    );
  }

  take(): RunSignal | undefined {
    const { signal } = this;
    this.signal = undefined;
    return signal;
  }

  leave(): void {
    this.release();
    this.signal = undefined;
    this.host.clock.forget(this);
    this.host.left(this);
  }

  flush(): void {
    if (this.lease === undefined) return;
    this.signal = { cursor: this.lease.cursor() };
    this.pull.wake();
  }

  private ended(end: FeedEnd): void {
    this.release();
    if (end.kind === 'STOPPED') this.pull.end();
    else this.start();
  }

  private release(): void {
    this.subscriptions.unsubscribe();
    this.subscriptions = new Subscription();
    this.lease?.release();
    this.lease = undefined;
  }
}
