import type { Boot } from './frames.js';
import { HandlerThread, type Pending } from './thread.js';

export interface PoolOptions {
  readonly handlers: Boot['handlers'];
  readonly threadsMax: number;
  readonly onRetired?: (why: string) => void;
}

/** A call that was placed; it may move to another thread as long as no handler has begun. */
export interface Placed {
  abort(): void;
  /** Ends the thread it is in. Other calls in it that had begun end as lost. */
  kill(): void;
}

/**
 * Threads that run handlers, warm and reused: started one at a time while those that are there are
 * busy, replaced when a handler has spoiled one.
 */
export class FunctionPool {
  private readonly threads = new Set<HandlerThread>();
  private isStopped = false;

  constructor(private readonly options: PoolOptions) {}

  get size(): number {
    return this.threads.size;
  }

  /** One thread ahead of the first call. */
  warm(): void {
    if (this.threads.size === 0) this.open();
  }

  place(given: Pending): Placed {
    let at: { readonly thread: HandlerThread; readonly id: number } | undefined;
    let isAborted = false;
    let isKilled = false;
    const put = (): void => {
      const thread = this.pick();
      at = { thread, id: thread.post(pending) };
      if (isAborted) thread.abort(at.id);
    };
    const pending: Pending = {
      ...given,
      // Not begun is not started: it may go elsewhere under the same token.
      lost: (taken, why) => (taken || isKilled || this.isStopped ? given.lost(taken, why) : put()),
    };
    put();
    return {
      abort: () => {
        isAborted = true;
        at?.thread.abort(at.id);
      },
      kill: () => {
        isKilled = true;
        const because = 'its thread was ended: a function in it did not heed its abort signal';
        if (at?.thread.calls.has(at.id) === true) at.thread.end(because);
      },
    };
  }

  stop(): void {
    this.isStopped = true;
    for (const thread of this.threads) thread.end('its executor was stopped');
  }

  private pick(): HandlerThread {
    let best: HandlerThread | undefined;
    let isStarting = false;
    for (const thread of this.threads) {
      if (thread.isRetired) continue;
      isStarting ||= !thread.isOnline;
      if (best === undefined || loadOf(thread) < loadOf(best)) best = thread;
    }
    if (best === undefined) return this.open();
    if (best.calls.size > 0 && !isStarting && this.threads.size < this.options.threadsMax) {
      const another = this.open();
      if (best.isHeld) return another;
    }
    return best;
  }

  private open(): HandlerThread {
    const thread = new HandlerThread(this.options.handlers, {
      retired: (_thread, why) => this.options.onRetired?.(why),
      ended: (ended) => this.threads.delete(ended),
    });
    this.threads.add(thread);
    return thread;
  }
}

const HELD_LOAD = 1_000;
const loadOf = (thread: HandlerThread): number =>
  thread.calls.size + (thread.isHeld || !thread.isOnline ? HELD_LOAD : 0);
