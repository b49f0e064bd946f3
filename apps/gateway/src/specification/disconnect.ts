import { formatDuration } from '#config';
import { STOP_AFTER_MS_MIN, stopAfterMsMax } from '#core';
import type { Fields } from './fields.js';

export const GRACE_MS = 10_000;
const DEFAULT_LOST_AFTER_MS = 10_000;
const MS_MAX = 30 * 86_400_000;

export interface Disconnect {
  /** null: NEVER (semantics §3.2). */
  readonly lostAfterMs: number | null;
  /** null: it never stops itself (3.6). */
  readonly stopAfterMs: number | null;
}

export function readDisconnect(fields: Fields, silentAfterMs: number): Disconnect {
  const disconnect = fields.nested('disconnect');
  disconnect?.only(['lostAfter', 'stopAfter'], new Set(['onReturn']));
  const lostAfterMs =
    disconnect?.value('lostAfter') === 'NEVER'
      ? null
      : (disconnect?.duration('lostAfter', 0, MS_MAX) ?? DEFAULT_LOST_AFTER_MS);
  const stopAfterMs = disconnect?.duration('stopAfter', 0, MS_MAX) ?? null;
  const most = stopAfterMsMax({ silentAfterMs, lostAfterMs, graceMs: GRACE_MS });
  if (disconnect !== undefined && stopAfterMs !== null) {
    checkStopAfter(disconnect, stopAfterMs, most);
  }
  return { lostAfterMs, stopAfterMs };
}

function checkStopAfter(disconnect: Fields, stopAfterMs: number, most: number): void {
  const least = formatDuration(STOP_AFTER_MS_MIN);
  if (most < STOP_AFTER_MS_MIN) {
    const lack = formatDuration(STOP_AFTER_MS_MIN - most);
    const message = `stopAfter has no room: lostAfter would have to be ${lack} longer, or NEVER.`;
    disconnect.refuse('stopAfter', 'CONTRADICTION', message);
  } else if (stopAfterMs < STOP_AFTER_MS_MIN) {
    disconnect.refuse('stopAfter', 'INVALID_DURATION', `stopAfter must be at least ${least}.`);
  } else if (stopAfterMs > most) {
    const message =
      `stopAfter must be at most ${formatDuration(most)}, else an attempt that is cut off runs ` +
      'on when it is LOST: or give a longer lostAfter, or NEVER.';
    disconnect.refuse('stopAfter', 'CONTRADICTION', message);
  }
}
