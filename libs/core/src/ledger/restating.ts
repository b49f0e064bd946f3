import type { Millis } from '../kernel/machine.js';
import { comparePlace } from '../run/run.js';
import { reportOf } from './entries.js';
import {
  type Entry,
  LEDGER_LIMITS,
  type LedgerStep,
  type PartitionLedger,
  higher,
  persist,
  send,
} from './state.js';

/** What one tick may still send. */
interface Budget {
  left: number;
}

/** Levels, not edges: everything without an answer is said again until there is one. */
export function restate(step: LedgerStep): void {
  const { state, now } = step;
  if (state.session === null) return;
  const budget: Budget = { left: LEDGER_LIMITS.restatedMax };
  for (const partition of state.partitions.values()) {
    const { digest } = partition;
    const sentAt = digest?.sentAt ?? Number.NEGATIVE_INFINITY;
    if (digest !== null && now - sentAt >= LEDGER_LIMITS.restateMs) sendDigest(step, partition);
    for (const entry of partition.entries.values()) {
      if (budget.left === 0) return;
      if (isDue(entry, now)) restateEntry(step, entry, budget);
    }
  }
}

function isDue(entry: Entry, now: Millis): boolean {
  if (entry.phase === 'accepted' || (entry.phase === 'started' && !entry.announced)) return false;
  const { restateMs, reportGapMsMax, startedGapMsMax } = LEDGER_LIMITS;
  const gapMsMax = entry.phase === 'ended' ? reportGapMsMax : startedGapMsMax;
  return now - entry.sentAt >= Math.min(gapMsMax, restateMs * 2 ** Math.min(entry.tries, 10));
}

function restateEntry(step: LedgerStep, entry: Entry, budget: Budget): void {
  budget.left -= 1;
  entry.sentAt = step.now;
  entry.tries += 1;
  sendEntry(step, entry);
}

/** What the owner should know of this entry, as it is now. */
export function sendEntry(step: LedgerStep, entry: Entry): void {
  const { token, partition, report, tries } = entry;
  if (report !== null) send(step, partition, reportOf(entry, report, step.now), tries);
  else if (entry.announced) {
    const agoMs = Math.max(0, step.now - (entry.startedAt ?? step.now));
    send(step, partition, { kind: 'started', token, agoMs }, tries);
  } else send(step, partition, { kind: 'claimed', token }, tries);
}

/** Whoever listens now has heard nothing yet: all is due with the next tick. */
export function forgetSendings(partition: PartitionLedger): void {
  for (const entry of partition.entries.values()) {
    entry.sentAt = Number.NEGATIVE_INFINITY;
    entry.tries = 0;
  }
}

/** The list and the watermark of one moment; the promise is on disk before it leaves. */
export function sendDigest(step: LedgerStep, partition: PartitionLedger): void {
  const { state, now } = step;
  if (state.incarnation === null || state.session === null) return;
  const { watermark } = partition;
  partition.digest = { sentAt: now, watermark };
  if (comparePlace(watermark, partition.promise) > 0) {
    partition.promise = higher(partition.promise, watermark);
    persist(step, { kind: 'promise', partition: partition.id, promise: watermark });
  }
  const entries = [...partition.entries.values()].map(({ token, phase }) => ({ token, phase }));
  const { incarnation } = state;
  send(step, partition.id, { kind: 'digest', incarnation, watermark, entries }, 0);
}
