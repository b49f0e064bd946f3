import type { Log, Logger, LogLevel } from './logger.js';

export interface ThrottleOptions {
  readonly logger: Logger;
  /** A clock that only goes forward; a step of the wall clock must not silence a key for hours. */
  readonly nowMs: () => number;
}

/** `throttled(key, everyMs).warn(…)`: a logger that speaks once a window for its key. */
export type Throttled = (key: string, everyMs?: number) => Logger;

interface Window {
  readonly openedAtMs: number;
  swallowed: number;
}

const everyMsByDefault = 60_000;
/** Keys hold ids now and then; the oldest window goes before the map becomes a leak. */
const keysMax = 1_000;

/**
 * A fault that repeats a thousand times a second is one line a window, and the next line that is
 * let through says in `swallowed` how many were not.
 */
export function createThrottle({ logger, nowMs }: ThrottleOptions): Throttled {
  const windows = new Map<string, Window>();
  const admit = (key: string, everyMs: number): number | undefined => {
    const current = windows.get(key);
    const atMs = nowMs();
    if (current !== undefined && atMs - current.openedAtMs < everyMs) {
      current.swallowed += 1;
      return undefined;
    }
    windows.delete(key);
    windows.set(key, { openedAtMs: atMs, swallowed: 0 });
    if (windows.size > keysMax) dropOldest(windows);
    return current?.swallowed ?? 0;
  };
  return (key, everyMs = everyMsByDefault) => {
    const at = (level: LogLevel): Log => {
      return (message, fields = {}) => {
        const swallowed = admit(key, everyMs);
        if (swallowed === undefined) return;
        logger[level](message, swallowed === 0 ? fields : { ...fields, swallowed });
      };
    };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  };
}

function dropOldest(windows: Map<string, Window>): void {
  for (const key of windows.keys()) {
    windows.delete(key);
    return;
  }
}
