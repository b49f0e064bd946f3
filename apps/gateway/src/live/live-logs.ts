import type { LogKey, LogRow } from '#postgres';
import type { Stream } from './pull.js';

/** The provider's token in Nest. */
export const LIVE_LOGS = Symbol('live-logs');

export interface LogRequest extends LogKey {
  /** When the run became final, if that was before it was followed. */
  readonly finishedAt: number | null;
}

export interface LiveLogs {
  /**
   * Everything that the run has written after a place, then what it writes; ends by itself when
   * the run is final and its log is drained. Read as it is pulled, a page ahead at most.
   * `return()` lets go of everything at once, also while a `next()` waits.
   */
  follow(request: LogRequest): Stream<LogRow>;
}
