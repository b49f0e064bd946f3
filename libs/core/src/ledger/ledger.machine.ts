import type { Machine } from '../kernel/machine.js';
import { comparePlace } from '../run/run.js';
import {
  NOTHING_KNOWN,
  accept,
  cancelled,
  end,
  endUnseen,
  endWith,
  errorOf,
  giveBack,
  startWaiting,
} from './entries.js';
import type { LedgerDown, LedgerEffect, LedgerMessage } from './messages.js';
import { forgetSendings, restate, sendDigest, sendEntry } from './restating.js';
import {
  type Entry,
  LEDGER_LIMITS,
  type LedgerState,
  type LedgerStep,
  NOWHERE,
  type PartitionLedger,
  busyOf,
  higher,
  ledgerKey,
  partitionLedger,
  persist,
  refuse,
} from './state.js';

/**
 * The executor's ledger (architecture §6): which tokens it holds, what is on its disk, what it owes.
 *
 *            assign               a slot is free              the runner is done
 *   (none) ─────────► accepted ───────────────────► started ────────────────────► ended ──ack──► ∅
 *      │                 │  cancel: CANCELLED          │ restored: LOST              ▲
 *      │                 └──draining, floor: bounce────┴─────────────────────────────┤
 *      └── bounce, reject, or a cancel of what was never seen ───────────────────────┘
 *
 *  L1 A token starts at most once, also over crashes: the start mark is on disk before the start.
 *  L2 Nothing starts after its tombstone, and every end is a tombstone in the same record.
 *  L3 Nothing starts below the floor heard, and nothing that a digest on its way had promised.
 *  L4 A report leaves only by its own ack, or with the life of its cluster.
 *  L5 `claimed` follows the fsync of the assignment, a report that of the end, a digest that of its
 *     promise; a tombstone is forgotten only for a floor or a promise that is on disk.
 *  L6 Nothing is taken from another session, another incarnation, a sender below its token, or with
 *     a floor above its sender.
 *  L7 Memory is bounded: slots, outbox, tombstones, partitions (LEDGER_LIMITS).
 *  L8 Whatever has no answer is said again, and all of it to a new session or a new owner.
 */
export const ledgerMachine: Machine<LedgerState, LedgerMessage, LedgerEffect> = {
  step(state, message, now, emit) {
    const step: LedgerStep = { state, now, emit };
    switch (message.kind) {
      case 'down':
        down(step, message.session, message.item);
        break;
      case 'started':
        started(step, message);
        break;
      case 'ended':
        ended(step, message);
        break;
      case 'tick':
        restate(step);
        break;
      case 'welcomed':
        welcomed(step, message);
        break;
      case 'unlinked':
        state.session = null;
        break;
      case 'draining':
        draining(step, message.on);
        break;
      case 'restored':
        restored(step);
        break;
      default: {
        const never: never = message;
        return never;
      }
    }
    return state;
  },
};

function down(step: LedgerStep, session: string, item: LedgerDown): void {
  const { state } = step;
  if (state.session === null || session !== state.session) return refuse(step, 'other-session');
  if (item.floor.epoch > item.epoch) return refuse(step, 'floor-above-sender');
  if ('token' in item && item.epoch < item.token.epoch) return refuse(step, 'sender-below-token');
  const isNew = !state.partitions.has(item.partition);
  if (isNew && state.partitions.size >= LEDGER_LIMITS.partitionsMax) return refuse(step, 'no-room');
  const partition = partitionLedger(state, item.partition);
  hear(partition, item);
  switch (item.kind) {
    case 'assign':
      return assign(step, partition, item);
    case 'cancel':
      return cancel(step, partition, item);
    case 'ack':
      return ack(step, partition, item);
    case 'digested':
      if (partition.digest !== null && comparePlace(item.watermark, partition.digest.watermark) === 0)
        partition.digest = null;
      return;
    case 'askDigest':
      return sendDigest(step, partition);
    default: {
      const never: never = item;
      return never;
    }
  }
}

function hear(partition: PartitionLedger, item: LedgerDown): void {
  partition.floor = higher(partition.floor, item.floor);
  if (item.epoch <= partition.ownerEpoch) return;
  // The first owner heard in this life has been told all at the session's begin.
  if (partition.ownerEpoch > 0) forgetSendings(partition);
  partition.ownerEpoch = item.epoch;
}

function assign(
  step: LedgerStep,
  partition: PartitionLedger,
  { token, work }: Extract<LedgerDown, { kind: 'assign' }>,
): void {
  const { state } = step;
  if (!isMine(step, token)) return;
  const key = ledgerKey(token);
  const known = partition.entries.get(key);
  if (known !== undefined) return sendEntry(step, known);
  if (comparePlace(token, partition.floor) < 0) return refuse(step, 'below-floor');
  if (partition.tombstones.has(key)) return refuse(step, 'tombstone');
  if (isFull(step, partition)) return refuse(step, 'no-room');
  const bounce = (reason: string): void =>
    endUnseen(step, partition, token, { of: 'bounce', reason });
  if (comparePlace(token, partition.promise) <= 0) return bounce('a digest promised to refuse it');
  if (state.draining) return bounce('the executor is draining');
  const { slots, backlog, judge } = state.options;
  const verdict = judge(work);
  if (verdict.kind === 'reject') {
    const ending = { ...NOTHING_KNOWN, outcome: 'REJECTED', error: verdict.error } as const;
    const report = { of: 'result', ending, startedAt: null, endedAt: step.now } as const;
    return endUnseen(step, partition, token, report);
  }
  if (verdict.kind === 'bounce') return bounce(verdict.reason);
  if (busyOf(state) >= slots + backlog) return bounce(`full: all ${slots} slots are taken`);
  accept(step, partition, token, work);
}

function cancel(
  step: LedgerStep,
  partition: PartitionLedger,
  { token, graceMs, why }: Extract<LedgerDown, { kind: 'cancel' }>,
): void {
  if (!isMine(step, token)) return;
  const key = ledgerKey(token);
  const known = partition.entries.get(key);
  if (known !== undefined) return cancelKnown(step, known, graceMs, why);
  if (comparePlace(token, partition.floor) < 0) return refuse(step, 'below-floor');
  if (partition.tombstones.has(key)) return refuse(step, 'tombstone');
  if (isFull(step, partition)) return refuse(step, 'no-room');
  const { now: endedAt } = step;
  const report = { of: 'result', ending: cancelled(why), startedAt: null, endedAt } as const;
  endUnseen(step, partition, token, report);
}

function cancelKnown(step: LedgerStep, entry: Entry, graceMs: number, why: string): void {
  switch (entry.phase) {
    case 'accepted':
      endWith(step, entry, cancelled(why));
      return;
    case 'started': {
      // Owners restate a cancel; only the first one and a shorter grace are news to the runner.
      const stopBy = step.now + Math.max(0, graceMs);
      if (entry.stopBy !== null && entry.stopBy <= stopBy) return;
      entry.stopBy = stopBy;
      step.emit({ kind: 'stop', token: entry.token, graceMs: Math.max(0, graceMs), why });
      return;
    }
    case 'ended':
      sendEntry(step, entry);
      return;
    default: {
      const never: never = entry.phase;
      return never;
    }
  }
}

/** Also for an earlier incarnation's report: what is acknowledged is nobody's concern any more. */
function ack(
  step: LedgerStep,
  partition: PartitionLedger,
  { token, of }: Extract<LedgerDown, { kind: 'ack' }>,
): void {
  const key = ledgerKey(token);
  const entry = partition.entries.get(key);
  if (entry?.report?.of !== of) return refuse(step, 'unknown');
  partition.entries.delete(key);
  step.state.outbox -= 1;
  step.emit({ kind: 'note', record: { kind: 'acked', partition: partition.id, token } });
}

function isMine(step: LedgerStep, token: LedgerToken): boolean {
  const { incarnation, options } = step.state;
  if (token.incarnation === incarnation && token.executor === options.executor) return true;
  refuse(step, 'other-incarnation');
  return false;
}
type LedgerToken = Extract<LedgerDown, { kind: 'ack' }>['token'];

/** Neither a bounce nor a cancel of the unseen fits: the owner will say it again. */
const isFull = ({ state }: LedgerStep, partition: PartitionLedger): boolean =>
  state.outbox >= LEDGER_LIMITS.outboxMax || partition.entries.size >= LEDGER_LIMITS.entriesMax;

function started(step: LedgerStep, message: Extract<LedgerMessage, { kind: 'started' }>): void {
  const entry = running(step, message);
  if (entry === undefined || entry.announced) return;
  entry.announced = true;
  entry.startedAt = step.now;
  entry.sentAt = step.now;
  sendEntry(step, entry);
}

function ended(step: LedgerStep, message: Extract<LedgerMessage, { kind: 'ended' }>): void {
  const entry = running(step, message);
  if (entry === undefined) return;
  endWith(step, entry, message.ending);
  startWaiting(step);
}

/** A runner's word counts for what runs; what a new cluster made us forget is gone. */
function running(
  step: LedgerStep,
  { partition, token }: Extract<LedgerMessage, { kind: 'started' | 'ended' }>,
): Entry | undefined {
  const entry = step.state.partitions.get(partition)?.entries.get(ledgerKey(token));
  if (entry?.phase === 'started') return entry;
  refuse(step, 'unknown');
  return undefined;
}

function welcomed(step: LedgerStep, message: Extract<LedgerMessage, { kind: 'welcomed' }>): void {
  const { state } = step;
  const { session, cluster, incarnation } = message;
  const isOtherLife = state.cluster !== cluster;
  if (!isOtherLife && incarnation < (state.incarnation ?? 0)) return refuse(step, 'other-incarnation');
  if (isOtherLife || state.incarnation !== incarnation) {
    persist(step, { kind: 'identity', incarnation, cluster });
    leaveBehind(step, isOtherLife);
    state.incarnation = incarnation;
    state.cluster = cluster;
    step.emit({ kind: 'identified', incarnation, cluster });
  }
  if (state.session === session) return;
  state.session = session;
  for (const partition of state.partitions.values()) {
    forgetSendings(partition);
    partition.digest = partition.entries.size > 0 ? { sentAt: null, watermark: NOWHERE } : null;
  }
  restate(step);
}

/**
 * Tokens of an earlier incarnation are LOST to their owners: what has not started is dropped, what
 * runs is stopped. Another life of the cluster never gave them: its owners would take their epochs
 * for a newer owner's, so not even reports are kept, and its floors start anew.
 */
function leaveBehind(step: LedgerStep, isOtherLife: boolean): void {
  const { state } = step;
  for (const entry of state.waiting) {
    partitionLedger(state, entry.partition).entries.delete(ledgerKey(entry.token));
  }
  state.waiting.clear();
  for (const partition of state.partitions.values()) {
    for (const { phase, token } of partition.entries.values()) {
      if (phase !== 'started') continue;
      step.emit({ kind: 'stop', token, graceMs: 0, why: 'its executor has a newer incarnation' });
    }
  }
  if (!isOtherLife) return;
  state.partitions.clear();
  state.outbox = 0;
  state.running = 0;
}

function draining(step: LedgerStep, on: boolean): void {
  const { state } = step;
  state.draining = on;
  if (!on) return;
  for (const entry of state.waiting) giveBack(step, entry, 'the executor is draining');
}

/** The process that had started them is gone, and with it what they were doing. */
function restored(step: LedgerStep): void {
  const { state } = step;
  for (const partition of state.partitions.values()) {
    for (const entry of partition.entries.values()) {
      if (entry.phase !== 'started') continue;
      const error = errorOf('LOST', 'the process of its executor ended while it ran');
      endWith(step, entry, { ...NOTHING_KNOWN, outcome: 'LOST', error });
    }
  }
  for (const entry of state.waiting) {
    const verdict = entry.work === null ? null : state.options.judge(entry.work);
    if (verdict?.kind === 'take') continue;
    if (verdict?.kind !== 'reject') {
      giveBack(step, entry, verdict?.reason ?? 'its work was lost');
      continue;
    }
    const ending = { ...NOTHING_KNOWN, outcome: 'REJECTED', error: verdict.error } as const;
    end(step, entry, { of: 'result', ending, startedAt: null, endedAt: step.now });
  }
  startWaiting(step);
}
