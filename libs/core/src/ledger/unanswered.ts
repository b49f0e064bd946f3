import type { Millis } from '../kernel/machine.js';
import { STOP_AFTER_MS_MIN } from '../run/stop-after.js';
import {
  giveBack,
  isCutOff,
  isLeftAlone,
  startWaiting,
  stopRunning,
  unansweredFor,
} from './entries.js';
import type { LedgerState, LedgerStep } from './state.js';

/** 3.6: what is cut off is ended here, before somebody else begins it anew. */
export function endCutOff(step: LedgerStep, unansweredMs: Millis): void {
  const { state, now } = step;
  state.answeredAt = now - unansweredMs;
  if (unansweredMs < STOP_AFTER_MS_MIN) {
    if (state.waiting.size > 0) startWaiting(step);
    return;
  }
  for (const entry of state.waiting) {
    if (isLeftAlone(step, entry)) giveBack(step, entry, unansweredFor(entry));
  }
  for (const { entries } of state.partitions.values()) {
    for (const entry of entries.values()) {
      if (entry.phase !== 'started' || entry.work === null || !isCutOff(step, entry)) continue;
      const why = `it stopped itself: ${unansweredFor(entry)}`;
      stopRunning(step, entry, { graceMs: entry.work.graceMs, outcome: 'LOST', why });
    }
  }
}

/** Whether anything here goes by answers; then they are asked for more often. */
export function mindsAnswers({ partitions }: LedgerState): boolean {
  for (const { entries } of partitions.values()) {
    for (const { work } of entries.values()) if ((work?.stopAfterMs ?? null) !== null) return true;
  }
  return false;
}
