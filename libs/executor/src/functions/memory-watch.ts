import fs from 'node:fs';
import type { HandlerThread } from './thread.js';

const LOOK_EVERY_MS = 100;
/** Of /proc/PID/task/TID/stat, counted from the state: pages that it was given. */
const FAULTS = 7;

interface Hold {
  /** The call that has not paused since the look before. */
  readonly call: number;
  readonly rssBytes: number;
  readonly faults: number;
}

/**
 * Ends threads that hold more beside their heap than they may: V8 bounds the heap and nothing
 * else. A thread that pauses now and then tells what it holds. One that never does is found by
 * the growth of the whole process, and of several by the pages that it was given meanwhile.
 */
export class MemoryWatch {
  private timer: NodeJS.Timeout | undefined;
  private holds = new Map<HandlerThread, Hold>();

  constructor(
    private readonly threads: ReadonlySet<HandlerThread>,
    private readonly bytesMax: number,
  ) {}

  /** From now on as long as something runs. */
  start(): void {
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.holds.clear();
  }

  private look(): void {
    const busy = [...this.threads].filter(({ calls }) => calls.size > 0);
    if (busy.length === 0) {
      this.stop();
      return;
    }
    for (const thread of busy) if (thread.bufferBytes > this.bytesMax) thread.endOutOfMemory();
    this.lookAtHeld(busy.filter(({ current }) => current !== 0));
  }

  private lookAtHeld(held: readonly HandlerThread[]): void {
    const rssBytes = held.length === 0 ? 0 : process.memoryUsage.rss();
    const holds = new Map<HandlerThread, Hold>();
    let worst: { readonly thread: HandlerThread; readonly faults: number } | undefined;
    for (const thread of held) {
      const call = thread.current;
      const before = this.holds.get(thread);
      const faults = faultsOf(thread.systemId);
      if (before?.call !== call) {
        holds.set(thread, { call, rssBytes, faults });
        continue;
      }
      holds.set(thread, before);
      // Its heap may have grown to its own bound as well.
      if (rssBytes - before.rssBytes <= 2 * this.bytesMax) continue;
      const grown = faults - before.faults;
      if (worst === undefined || grown > worst.faults) worst = { thread, faults: grown };
    }
    this.holds = holds;
    if (worst === undefined) return;
    // What the others have grown by is looked at without it.
    this.holds.clear();
    worst.thread.endOutOfMemory();
  }
}

function faultsOf(systemId: number): number {
  try {
    const text = fs.readFileSync(`/proc/self/task/${systemId}/stat`, 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[FAULTS]);
  } catch {
    return 0;
  }
}
