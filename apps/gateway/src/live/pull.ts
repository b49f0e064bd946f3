export interface PullSource<T> {
  /** The next value, when there is one. */
  take(): T | undefined;
  /** The reader has gone: everything is released, at once. */
  leave(): void;
}

interface Waiter<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The reader's side of a stream. Not an async generator: its `return()` would wait behind a pending
 * `next()`, and a subscriber that leaves must leave at once.
 */
export class Pull<T> implements AsyncIterableIterator<T, undefined> {
  private readonly waiters: Waiter<T>[] = [];
  private isDone = false;
  private failure: { readonly error: unknown } | undefined;

  constructor(private readonly source: PullSource<T>) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.waiters.push({ resolve, reject });
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
    while (this.waiters.length > 0) {
      if (this.isDone) {
        this.settle();
        return;
      }
      const value = this.source.take();
      if (value === undefined) return;
      this.waiters.shift()?.resolve({ done: false, value });
    }
  }

  /** The stream is over: one reader hears why, the others that it is. */
  end(failure?: { readonly error: unknown }): void {
    if (!this.isDone) {
      this.isDone = true;
      this.failure = failure;
      this.source.leave();
    }
    this.settle();
  }

  private settle(): void {
    for (const waiter of this.waiters.splice(0)) {
      const { failure } = this;
      this.failure = undefined;
      if (failure === undefined) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(failure.error);
    }
  }
}
