import { type Place, type Token, comparePlace } from '../run/run.js';
import { NOTHING_KNOWN, accept, cancelled, endUnseen, endWith, stopRunning } from './entries.js';
import type { LedgerDown } from './messages.js';
import { forgetSendings, sendDigest, sendEntry } from './restating.js';
import {
  type Entry,
  LEDGER_LIMITS,
  type LedgerStep,
  type PartitionLedger,
  busyOf,
  higher,
  ledgerKey,
  partitionLedger,
  refuse,
} from './state.js';

/** Everything an owner says passes these checks, and tells its floor and its epoch. */
export function down(step: LedgerStep, session: string, item: LedgerDown): void {
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
    case 'freeze':
      return freeze(step, partition, item);
    case 'ack':
      return ack(step, partition, item);
    case 'digested':
      return digested(partition, item.watermark);
    case 'askDigest':
      return sendDigest(step, partition);
    default: {
      const never: never = item;
      return never;
    }
  }
}

/** Only the answer to the digest last sent settles it: an earlier one may have been asked anew. */
function digested(partition: PartitionLedger, watermark: Place): void {
  const { digest } = partition;
  if (digest === null || digest.sentAt === null) return;
  if (comparePlace(watermark, digest.watermark) === 0) partition.digest = null;
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

/** A cancel of what has not started; what has goes on. Its owner cannot know which it is. */
export const GIVE_BACK = 'give-back';

function cancelKnown(step: LedgerStep, entry: Entry, graceMs: number, why: string): void {
  switch (entry.phase) {
    case 'accepted':
      endWith(step, entry, cancelled(why));
      return;
    case 'started': {
      if (why === GIVE_BACK) return;
      const outcome = why === 'timeout' ? 'TIMED_OUT' : 'CANCELLED';
      stopRunning(step, entry, { graceMs: Math.max(0, graceMs), outcome, why });
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

/** What has not started yet stands still from its start on. */
function freeze(
  step: LedgerStep,
  partition: PartitionLedger,
  { token, on, seq }: Extract<LedgerDown, { kind: 'freeze' }>,
): void {
  if (!isMine(step, token)) return;
  const entry = partition.entries.get(ledgerKey(token));
  if (entry === undefined || entry.phase === 'ended') return refuse(step, 'unknown');
  if (entry.freeze !== null && seq < entry.freeze.seq) return refuse(step, 'older-word');
  entry.freeze = { on, seq };
  if (entry.phase === 'accepted') return;
  step.emit({ kind: 'freeze', partition: partition.id, token, on, seq });
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

function isMine(step: LedgerStep, token: Token): boolean {
  const { incarnation, options } = step.state;
  if (token.incarnation === incarnation && token.executor === options.executor) return true;
  refuse(step, 'other-incarnation');
  return false;
}

/** Neither a bounce nor a cancel of the unseen fits: the owner will say it again. */
const isFull = ({ state }: LedgerStep, partition: PartitionLedger): boolean =>
  state.outbox >= LEDGER_LIMITS.outboxMax || partition.entries.size >= LEDGER_LIMITS.entriesMax;
