import { Worker } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import type { Millis } from '../machine.js';
import type { Clock } from '../runtime.js';
import { workerUrl } from './entry.js';
import type { ThreadPool } from './entry.js';
import type { Frame } from './frames.js';
import type { Router } from './router.js';

export interface ThreadPoolOptions {
  readonly name?: string;
  readonly resourceLimits?: ResourceLimits;
}

/** The system whose actors live in the pool. */
export interface PoolHome {
  readonly node: string;
  readonly clock: Clock;
  readonly router: Router;
  nextThread(): number;
}

/** What a worker is told before its first frame. */
export interface Boot {
  readonly node: string;
  readonly thread: number;
}

interface Running {
  readonly thread: number;
  readonly worker: Worker;
  readonly exited: Promise<void>;
}

/** Threads start with the first actor on them. A dead one's place is filled by the next spawn. */
export function createThreadPool(size: number, options: ThreadPoolOptions = {}): ThreadPool {
  return new Pool(size, options);
}

export class Pool implements ThreadPool {
  private readonly running = new Map<number, Running>();
  private home: PoolHome | undefined;

  constructor(
    readonly size: number,
    private readonly options: ThreadPoolOptions,
  ) {
    if (Number.isInteger(size) && size >= 1) return;
    throw new RangeError(`thread pool size is ${size}; it must be a whole number of at least 1`);
  }

  pick(key: string): number {
    return fnv1a(key) % this.size;
  }

  /** The thread at a place of the pool, started when there is none. */
  thread(place: number, home: PoolHome): number {
    if (!(place >= 0 && place < this.size)) {
      throw new RangeError(`thread ${place} of a pool of ${this.size}: take it from pick(key)`);
    }
    this.home ??= home;
    if (this.home !== home) throw new Error('a thread pool belongs to one actor system');
    return (this.running.get(place) ?? this.start(place, home)).thread;
  }

  async close(withinMs: Millis, home: PoolHome): Promise<void> {
    const exits = [...this.running.values()].map(async ({ thread, worker, exited }) => {
      home.router.send({ kind: 'shutdown', to: thread, withinMs });
      const cancel = home.clock.after(withinMs, () => void worker.terminate());
      await exited;
      cancel();
    });
    await Promise.all(exits);
  }

  private start(place: number, home: PoolHome): Running {
    const thread = home.nextThread();
    const boot: Boot = { node: home.node, thread };
    const { name = 'actors', resourceLimits } = this.options;
    const worker = new Worker(workerUrl(import.meta.url, './worker'), {
      name: `${name}-${place}`,
      workerData: boot,
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    });
    let cause: unknown;
    home.router.connect(thread, (frames) => worker.postMessage(frames));
    worker.on('message', (frames: readonly Frame[]) => home.router.receive(frames));
    worker.on('error', (error) => {
      cause = error;
    });
    // A batch that cannot be read is a lost batch: the thread is not trusted any further.
    worker.on('messageerror', (error) => {
      cause = error;
      void worker.terminate();
    });
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', (code) => {
        this.running.delete(place);
        home.router.lost(thread, cause ?? new Error(`${name}-${place} exited with code ${code}`));
        resolve();
      });
    });
    const running = { thread, worker, exited };
    this.running.set(place, running);
    return running;
  }
}

/** Stable and even enough to spread keys over a handful of threads. */
function fnv1a(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
