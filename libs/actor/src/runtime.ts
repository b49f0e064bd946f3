import type { Millis } from './machine.js';

export interface Clock {
  /** The wall clock. It may jump: never for durations. */
  now(): Millis;
  /** Monotonic: for durations and deadlines. */
  elapsed(): Millis;
  /** Runs once after the delay; the returned function cancels and may be called at any time. */
  after(delayMs: Millis, run: () => void): () => void;
}

/** Who runs next. In production the event loop, in simulation a seeded pick among the ready. */
export interface Dispatcher {
  ready(run: () => void): void;
}

/** Everything that is not deterministic, in one place. */
export interface Runtime {
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  /** In [0, 1). Only back-off jitter asks for it. */
  readonly random?: () => number;
  /** The name of this process in addresses. */
  readonly node?: string;
}

/** setTimeout fires at once when asked for more than this. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

function afterReal(delayMs: Millis, run: () => void): () => void {
  let handle: NodeJS.Timeout;
  const arm = (leftMs: Millis): void => {
    const stepMs = Math.min(leftMs, TIMEOUT_MS_MAX);
    handle = setTimeout(() => (stepMs < leftMs ? arm(leftMs - stepMs) : run()), stepMs);
  };
  arm(Math.max(0, delayMs));
  return () => clearTimeout(handle);
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after: afterReal,
};

/** setImmediate, not a microtask: sockets and timers get their turn between two slices. */
export const systemDispatcher: Dispatcher = {
  ready: (run) => {
    setImmediate(run);
  },
};

export function systemRuntime(node = 'local'): Runtime {
  return { clock: systemClock, dispatcher: systemDispatcher, random: Math.random, node };
}
