import type { Pace } from './pace.js';

export interface PullSource<T> {
  /** The next value, when there is one. */
  take(): T | undefined;
  /** The reader has gone: everything is released, at once. */
  leave(): void;
}

/** What is followed: asked for one value after the other, or poured out to one reader. */
export interface Stream<T> extends AsyncIterableIterator<T, undefined> {
  /**
   * Hands over each value as it comes, while the reader's pace is open and what became of the one
   * before is settled. Resolves with the stream's end, rejects with its failure.
   */
  each(pace: Pace, take: (value: T) => Promise<void>): Promise<void>;
}

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

interface Sink<T> {
  readonly pace: Pace;
  readonly take: (value: T) => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  isBusy: boolean;
}

/**
 * The reader's side of a stream. Not an async generator: its `return()` would wait behind a pending
 * `next()`, and a subscriber that leaves must leave at once.
 */
export class Pull<T> implements Stream<T> {
  private readonly waiters: Waiter<T>[] = [];
  private sink: Sink<T> | undefined;
  private isDone = false;
  private failure: { readonly error: unknown } | undefined;
  private forget: (() => void) | undefined;

  constructor(private readonly source: PullSource<T>) {}

  /** For how long its reader, and nobody else, has held it up. */
  get stalledMs(): number {
    const { sink } = this;
    return sink === undefined || sink.isBusy ? 0 : sink.pace.closedMs;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.waiters.push({ resolve, reject });
      this.wake();
    });
  }

  each(pace: Pace, take: (value: T) => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.sink = { pace, take, resolve, reject, isBusy: false };
      this.wake();
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.end();
    return Promise.reject(error);
  }

  /** There may be something to take. */
  wake(): void {
    if (this.isDone) this.settle();
    else if (this.sink !== undefined) this.pour(this.sink);
    else this.answer();
  }

  /** The stream is over: one reader hears why, the others that it is. */
  end(failure?: { readonly error: unknown }): void {
    if (!this.isDone) {
      this.isDone = true;
      this.failure = failure;
      this.forget?.();
      this.forget = undefined;
      this.source.leave();
    }
    this.settle();
  }

  private answer(): void {
    while (this.waiters.length > 0) {
      const value = this.source.take();
      if (value === undefined) return;
      this.waiters.shift()?.resolve({ done: false, value });
    }
  }

  private pour(sink: Sink<T>): void {
    if (sink.isBusy) return;
    const { pace } = sink;
    if (!pace.isOpen) {
      this.forget ??= pace.whenOpen(() => {
        this.forget = undefined;
        this.wake();
      });
      return;
    }
    const value = this.source.take();
    if (value === undefined) return;
    sink.isBusy = true;
    sink.take(value).then(
      () => {
        sink.isBusy = false;
        this.wake();
      },
      (error: unknown) => {
        sink.isBusy = false;
        this.end({ error });
      },
    );
  }

  /** Of a value that is still under way the reader is told first. */
  private settle(): void {
    const { sink } = this;
    if (sink?.isBusy === false) {
      this.sink = undefined;
      const { failure } = this;
      this.failure = undefined;
      if (failure === undefined) sink.resolve();
      else sink.reject(failure.error);
    }
    for (const waiter of this.waiters.splice(0)) {
      const { failure } = this;
      this.failure = undefined;
      if (failure === undefined) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(failure.error);
    }
  }
}
