import type { Boot } from './frames.js';
import { MemoryWatch } from './memory-watch.js';
import { HandlerThread, type Pending } from './thread.js';

export interface PoolOptions {
  readonly handlers: Boot['handlers'];
  readonly threadsMax: number;
  /** Of the heap of a thread, and of its buffers. */
  readonly memoryBytesMax?: number;
  readonly onRetired?: (why: string) => void;
}

const MEMORY_BYTES_MAX = 512 * 1_024 * 1_024;

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
  private readonly memoryBytesMax: number;
  private readonly watch: MemoryWatch;
  private isStopped = false;

  constructor(private readonly options: PoolOptions) {
    this.memoryBytesMax = options.memoryBytesMax ?? MEMORY_BYTES_MAX;
    this.watch = new MemoryWatch(this.threads, this.memoryBytesMax);
  }

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
      lost: (begun, loss) =>
        begun || isKilled || this.isStopped ? given.lost(begun, loss) : put(),
    };
    put();
    this.watch.start();
    return {
      abort: () => {
        isAborted = true;
        at?.thread.abort(at.id);
      },
      kill: () => {
        isKilled = true;
        const because = 'its thread was ended: a function in it did not heed its abort signal';
        if (at?.thread.calls.has(at.id) === true) at.thread.end(because, at.id);
      },
    };
  }

  stop(): void {
    this.isStopped = true;
    this.watch.stop();
    for (const thread of this.threads) thread.end('its executor was stopped', 0);
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
    const thread = new HandlerThread(this.options.handlers, this.memoryBytesMax, {
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
