import { type Token, comparePlace } from '../run/run.js';
import type { EndError, EndReport, Ending, LedgerEffect, LedgerUp, Work } from './messages.js';
import {
  type Entry,
  LEDGER_LIMITS,
  type LedgerStep,
  type PartitionLedger,
  higher,
  ledgerKey,
  partitionLedger,
  persist,
  placeOf,
  send,
} from './state.js';

type Stop = Extract<LedgerEffect, { kind: 'stop' }>;

/** The inbox: on disk before anything is said or done about it. */
export function accept(
  step: LedgerStep,
  partition: PartitionLedger,
  token: Token,
  work: Work,
): void {
  const { state, now } = step;
  partition.watermark = higher(partition.watermark, placeOf(token));
  const entry = newEntry(partition, token, now);
  entry.work = work;
  partition.entries.set(ledgerKey(token), entry);
  state.waiting.add(entry);
  persist(step, { kind: 'accepted', partition: partition.id, token, work, at: now });
  send(step, partition.id, { kind: 'claimed', token }, 0);
  startWaiting(step);
}

export function newEntry(partition: PartitionLedger, token: Token, now: number): Entry {
  return {
    token,
    partition: partition.id,
    acceptedAt: now,
    arrivedAt: now,
    phase: 'accepted',
    work: null,
    startedAt: null,
    announced: false,
    stopBy: null,
    freeze: null,
    report: null,
    sentAt: now,
    tries: 0,
  };
}

/** Starts what was accepted as slots allow, in the order of acceptance. */
export function startWaiting(step: LedgerStep): void {
  const { state, now } = step;
  for (const entry of state.waiting) {
    if (state.running >= state.options.slots) return;
    const { partition, token, work } = entry;
    // Its owner has closed it meanwhile, as LOST.
    const below = comparePlace(token, partitionLedger(state, partition).floor) < 0;
    if (below || work === null) {
      giveBack(step, entry, 'its grant is over');
      continue;
    }
    if (isLeftAlone(step, entry)) {
      giveBack(step, entry, unansweredFor(entry));
      continue;
    }
    if (awaitsAnswer(step, entry)) continue;
    state.waiting.delete(entry);
    state.running += 1;
    entry.phase = 'started';
    entry.startedAt = now;
    persist(step, { kind: 'started', partition, token, at: now });
    step.emit({ kind: 'start', partition, token, work, acceptedAt: entry.acceptedAt });
    if (entry.freeze !== null) step.emit({ kind: 'freeze', partition, token, ...entry.freeze });
  }
}

/** 3.6: nobody has answered for as long as this attempt may go on without. */
export function isCutOff({ state, now }: LedgerStep, { work }: Entry): boolean {
  const stopAfterMs = work?.stopAfterMs ?? null;
  return stopAfterMs !== null && state.answeredAt !== null && now - state.answeredAt >= stopAfterMs;
}

/** What has not started may wait for an answer as long, from its arrival on. */
export const isLeftAlone = (step: LedgerStep, entry: Entry): boolean =>
  isCutOff(step, entry) && step.now - entry.arrivedAt >= (entry.work?.stopAfterMs ?? 0);

/** An answer is fresh for so long: they are asked for more often than that. */
const FRESH_MS = 2_000;

/**
 * An assignment shows that we hear, not that we are heard. What is to stop by answers starts once
 * one has come: before that, its owner may have given it up for lost.
 */
function awaitsAnswer({ state, now }: LedgerStep, { work }: Entry): boolean {
  if ((work?.stopAfterMs ?? null) === null) return false;
  return state.answeredAt === null || now - state.answeredAt >= FRESH_MS;
}

export const unansweredFor = ({ work }: Entry): string =>
  `no answer for ${(work?.stopAfterMs ?? 0) / 1_000} s`;

/** Said again and again: only the first word and a shorter grace are news to the runner. */
export function stopRunning(
  step: LedgerStep,
  entry: Entry,
  { graceMs, outcome, why }: Pick<Stop, 'graceMs' | 'outcome' | 'why'>,
): void {
  const stopBy = step.now + graceMs;
  if (entry.stopBy !== null && entry.stopBy <= stopBy) return;
  entry.stopBy = stopBy;
  step.emit({ kind: 'stop', token: entry.token, graceMs, outcome, why });
}

/** A token that was accepted and not started goes back: no attempt is spent. */
export function giveBack(step: LedgerStep, entry: Entry, reason: string): void {
  end(step, entry, { of: 'bounce', reason });
}

export function endWith(step: LedgerStep, entry: Entry, ending: Ending): void {
  const { startedAt } = entry;
  end(step, entry, { of: 'result', ending, startedAt, endedAt: step.now });
}

/** Report and tombstone together, on disk before the answer. */
export function end(step: LedgerStep, entry: Entry, report: EndReport): void {
  const { state, now } = step;
  const { token } = entry;
  const partition = partitionLedger(state, entry.partition);
  state.waiting.delete(entry);
  if (entry.phase === 'started') state.running -= 1;
  entry.phase = 'ended';
  entry.work = null;
  entry.report = report;
  entry.sentAt = now;
  entry.tries = 0;
  state.outbox += 1;
  persist(step, { kind: 'ended', partition: partition.id, token, report });
  bury(step, partition, token);
  send(step, partition.id, reportOf(entry, report, now), 0);
}

/** A token that was never accepted, or never seen, gets its tombstone and its answer at once. */
export function endUnseen(
  step: LedgerStep,
  partition: PartitionLedger,
  token: Token,
  report: EndReport,
): void {
  partition.watermark = higher(partition.watermark, placeOf(token));
  const entry = newEntry(partition, token, step.now);
  partition.entries.set(ledgerKey(token), entry);
  end(step, entry, report);
}

export function reportOf(entry: Entry, report: EndReport, now: number): LedgerUp {
  const { token } = entry;
  if (report.of === 'bounce') return { kind: 'bounce', token, reason: report.reason };
  const { ending, startedAt, endedAt } = report;
  return {
    kind: 'result',
    token,
    ...ending,
    startedAgoMs: startedAt === null ? null : Math.max(0, now - startedAt),
    finishedAgoMs: Math.max(0, now - endedAt),
  };
}

function bury(step: LedgerStep, partition: PartitionLedger, token: Token): void {
  partition.tombstones.set(ledgerKey(token), placeOf(token));
  if (partition.tombstones.size >= partition.sweepAt) sweep(step, partition);
}

/** Forgets the tombstones that something durable stands for: the floor, at worst a promise. */
function sweep(step: LedgerStep, partition: PartitionLedger): void {
  const { tombstones, id } = partition;
  if (comparePlace(partition.floor, partition.floorSaved) > 0) {
    partition.floorSaved = partition.floor;
    persist(step, { kind: 'floor', partition: id, floor: partition.floor });
  }
  for (const [key, place] of tombstones) {
    if (comparePlace(place, partition.floorSaved) < 0) tombstones.delete(key);
  }
  if (tombstones.size > LEDGER_LIMITS.tombstonesMax) {
    partition.promise = higher(partition.promise, partition.watermark);
    persist(step, { kind: 'promise', partition: id, promise: partition.promise });
    tombstones.clear();
  }
  partition.sweepAt = Math.max(LEDGER_LIMITS.sweepMin, tombstones.size * 2);
}

export const cancelled = (why: string): Ending => ({
  ...NOTHING_KNOWN,
  outcome: 'CANCELLED',
  error: errorOf('CANCELLED', why),
});

export const NOTHING_KNOWN = {
  exitCode: null,
  signal: null,
  result: null,
  cpuMs: null,
  memoryPeakBytes: null,
} as const;

export const errorOf = (name: string, message: string): EndError => ({
  class: name,
  message,
  code: null,
  stack: null,
  retryMs: null,
});
