import type { Clock } from '#actor';
import type { Logger } from '#telemetry';
import { Pull, type PullSource, type Stream } from '../../live/pull.js';

export interface WatchOptions<T> {
  /** All of them, as they are now. */
  readonly read: () => Promise<readonly T[]>;
  readonly nameOf: (item: T) => string;
  /** From the end of one look to the next. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * Looks over and over while somebody follows, and tells each follower what is new to it. A level:
 * a look that fails or comes late loses nothing, and a slow reader gets the newest of each.
 */
export class Watch<T> {
  private readonly streams = new Set<ChangeStream<T>>();
  /** As they were last seen, each with its text: the same object as long as that is the same. */
  private seen = new Map<string, Seen<T>>();
  private cancelLook: (() => void) | undefined;
  private isLooking = false;
  private isFailing = false;
  private isStopped = false;

  constructor(private readonly options: WatchOptions<T>) {}

  /**
   * Those that are meant at once, then each that changes; also one that is meant no longer. While
   * there is none of its name, `absent` stands for it.
   */
  follow(isMeant: (item: T) => boolean, absent?: T): Stream<T> {
    const named = absent && ([this.options.nameOf(absent), { item: absent, text: '' }] as const);
    const stream = new ChangeStream<T>(isMeant, named, () => this.left(stream));
    this.streams.add(stream);
    if (this.isStopped) stream.pull.end();
    else if (!this.isLooking) this.lookSoon(0);
    return stream.pull;
  }

  stop(): void {
    this.isStopped = true;
    for (const stream of [...this.streams]) stream.pull.end();
  }

  private left(stream: ChangeStream<T>): void {
    this.streams.delete(stream);
    if (this.streams.size > 0) return;
    this.cancelLook?.();
    this.cancelLook = undefined;
    this.seen.clear();
  }

  private lookSoon(delayMs: number): void {
    this.cancelLook?.();
    this.cancelLook = this.options.clock.after(delayMs, () => {
      this.cancelLook = undefined;
      this.isLooking = true;
      void this.look().then(() => {
        this.isLooking = false;
        if (this.streams.size > 0) this.lookSoon(this.options.everyMs);
      });
    });
  }

  /** It never rejects: what could not be read is read at the next look. */
  private async look(): Promise<void> {
    const { read, nameOf, log } = this.options;
    try {
      const seen = new Map<string, Seen<T>>();
      for (const item of await read()) {
        const name = nameOf(item);
        const text = JSON.stringify(item);
        const known = this.seen.get(name);
        seen.set(name, known?.text === text ? known : { item, text });
      }
      this.seen = seen;
      this.isFailing = false;
      for (const stream of [...this.streams]) stream.see(seen);
    } catch (error) {
      if (!this.isFailing)
        log.warn('what is followed cannot be read and is asked again', { error });
      this.isFailing = true;
    }
  }
}

interface Seen<T> {
  readonly item: T;
  readonly text: string;
}

class ChangeStream<T> implements PullSource<T> {
  readonly pull = new Pull<T>(this);
  private told: ReadonlyMap<string, Seen<T>> = new Map();
  private readonly untold = new Map<string, T>();

  constructor(
    private readonly isMeant: (item: T) => boolean,
    private readonly absent: readonly [name: string, seen: Seen<T>] | undefined,
    private readonly left: () => void,
  ) {}

  see(there: ReadonlyMap<string, Seen<T>>): void {
    const { absent } = this;
    const isWhole = absent === undefined || there.has(absent[0]);
    const all = isWhole ? there : new Map([...there, absent]);
    for (const [name, seen] of all) {
      const before = this.told.get(name);
      if (before === seen) continue;
      const wasMeant = before !== undefined && this.isMeant(before.item);
      if (wasMeant || this.isMeant(seen.item)) this.untold.set(name, seen.item);
    }
    this.told = all;
    this.pull.wake();
  }

  take(): T | undefined {
    for (const [name, item] of this.untold) {
      this.untold.delete(name);
      return item;
    }
    return undefined;
  }

  leave(): void {
    this.untold.clear();
    this.left();
  }
}
