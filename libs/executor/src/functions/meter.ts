import fs from 'node:fs';
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { getHeapStatistics } from 'node:v8';
import type { Usage } from '../runners/usage.js';
import { BUFFERS_KIB, CURRENT, SYSTEM_ID } from './frames.js';

const LOOK_EVERY_MS = 50;
/** What was read so short a time ago is read no more exactly: the kernel's tick is no shorter. */
const FRESH_MS = 1;
const SPACE = 0x20;
const ZERO = 0x30;
const UNKNOWN: Usage = { cpuMs: null, memoryPeakBytes: null };

/** One call, from where its handler begins. */
export interface CallMeter {
  readonly id: number;
  beganAtMs: number | null;
  cpuMs: number | null;
  peakBytes: number;
  isPending: boolean;
  /** Others ran in the thread before it had ended: it is unknown who used what. */
  isShared: boolean;
}

/**
 * What each call uses of its thread: exactly that of the thread while the call is the only one in
 * it, and unknown when several took turns.
 */
export class ThreadMeter {
  private readonly pending = new Set<CallMeter>();
  private timer: NodeJS.Timeout | undefined;
  private readonly cpuMs = threadClock();
  private lookedAtMs = Number.NEGATIVE_INFINITY;
  private heldBytes = 0;

  constructor(private readonly state: Int32Array) {
    Atomics.store(state, SYSTEM_ID, systemIdOfThread());
  }

  /** Its handler is called now. */
  begin(id: number): CallMeter {
    for (const other of this.pending) other.isShared = true;
    const call: CallMeter = {
      id,
      beganAtMs: this.cpuMs(),
      cpuMs: null,
      peakBytes: 0,
      isPending: false,
      isShared: false,
    };
    Atomics.store(this.state, CURRENT, id);
    return call;
  }

  /** Its handler has returned, perhaps with a promise. */
  returned(call: CallMeter, isPending: boolean): void {
    Atomics.store(this.state, CURRENT, 0);
    this.stop(call);
    call.isShared = isPending && this.pending.size > 0;
    this.look(call);
    if (!isPending) return;
    call.isPending = true;
    this.pending.add(call);
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  end(call: CallMeter): Usage {
    if (call.isPending) {
      this.stop(call);
      this.look(call);
      this.pending.delete(call);
      if (this.pending.size === 0) {
        clearInterval(this.timer);
        this.timer = undefined;
      }
    }
    if (call.isShared) return UNKNOWN;
    const cpuMs = call.cpuMs === null ? null : Math.round(call.cpuMs);
    return { cpuMs, memoryPeakBytes: call.peakBytes };
  }

  private stop(call: CallMeter): void {
    const now = this.cpuMs();
    call.cpuMs = now === null || call.beganAtMs === null ? null : now - call.beganAtMs;
  }

  private look(own?: CallMeter): void {
    const nowMs = performance.now();
    if (nowMs - this.lookedAtMs >= FRESH_MS) {
      const { used_heap_size: heap, external_memory: buffers } = getHeapStatistics();
      Atomics.store(this.state, BUFFERS_KIB, Math.ceil(buffers / 1_024));
      this.heldBytes = heap + buffers;
      this.lookedAtMs = nowMs;
    }
    const bytes = this.heldBytes;
    if (own !== undefined) own.peakBytes = Math.max(own.peakBytes, bytes);
    for (const call of this.pending) call.peakBytes = Math.max(call.peakBytes, bytes);
  }
}

/**
 * The processor time of this thread in ms: by the kernel's own count, which it brings up to date
 * at each tick (1 to 4 ms).
 */
function threadClock(): () => number | null {
  let file: number;
  try {
    file = fs.openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return () => null;
  }
  const bytes = Buffer.alloc(64);
  let readAtMs = Number.NEGATIVE_INFINITY;
  let lastMs = 0;
  return () => {
    const nowMs = performance.now();
    if (nowMs - readAtMs < FRESH_MS) return lastMs;
    readAtMs = nowMs;
    fs.readSync(file, bytes, 0, bytes.length, 0);
    let ns = 0;
    for (let at = 0; bytes[at] !== SPACE; at++) ns = ns * 10 + (bytes[at] ?? ZERO) - ZERO;
    lastMs = ns / 1e6;
    return lastMs;
  };
}

function systemIdOfThread(): number {
  try {
    return Number(fs.readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return 0;
  }
}
