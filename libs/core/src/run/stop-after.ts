import type { Millis } from '../kernel/machine.js';
import type { Policy } from './run.js';

/** Less would end attempts for a moment without news. */
export const STOP_AFTER_MS_MIN = 5_000;
/** For messages on their way, and the ticks of both sides. */
const MARGIN_MS = 2_000;

/**
 * 3.6: with this `stopAfter`, or a shorter one, an attempt that is cut off is dead before it is
 * LOST and its successor starts. `lostAfterMs` null: NEVER, so any will do.
 */
export const stopAfterMsMax = (of: {
  readonly silentAfterMs: Millis;
  readonly lostAfterMs: Millis | null;
  readonly graceMs: Millis;
}): Millis =>
  of.lostAfterMs === null
    ? Number.POSITIVE_INFINITY
    : of.silentAfterMs + of.lostAfterMs - of.graceMs - MARGIN_MS;

/** After its last word: the attempt of an executor that is cut off is surely dead by then. */
export const stoppedAfterMs = ({ stopAfterMs, graceMs }: Policy): Millis =>
  stopAfterMs === undefined ? 0 : stopAfterMs + graceMs + MARGIN_MS;
