import type { Machine } from '../kernel/machine.js';
import { EXECUTOR_DIED } from '../retry/poison.js';
import { NOTHING_KNOWN, end, endWith, errorOf, giveBack, startWaiting } from './entries.js';
import type { LedgerEffect, LedgerMessage } from './messages.js';
import { down } from './owner.js';
import { forgetSendings, restate, sendEntry } from './restating.js';
import {
  type Entry,
  type LedgerState,
  type LedgerStep,
  NOWHERE,
  ledgerKey,
  partitionLedger,
  persist,
  refuse,
} from './state.js';
import { endCutOff } from './unanswered.js';

/**
 * The executor's ledger (architecture §6): the tokens it holds, what is on disk, what it owes.
 *
 *            assign               a slot is free              the runner is done
 *   (none) ─────────► accepted ───────────────────► started ────────────────────► ended ──ack──► ∅
 *      │                 │  cancel: CANCELLED          │ restored: LOST              ▲
 *      │                 └─draining, floor, cut: bounce┴─────────────────────────────┤
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
 *  L9 What is cut off (3.6: no answer for its `stopAfter`) does not start, and is told to stop.
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
        if (message.unansweredMs !== undefined) endCutOff(step, message.unansweredMs);
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
  if (!isOtherLife && incarnation < (state.incarnation ?? 0))
    return refuse(step, 'other-incarnation');
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
      const why = 'its executor has a newer incarnation';
      step.emit({ kind: 'stop', token, graceMs: 0, outcome: 'CANCELLED', why });
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
      const why = errorOf('LOST', 'the process of its executor ended while it ran');
      const error = { ...why, code: EXECUTOR_DIED };
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
