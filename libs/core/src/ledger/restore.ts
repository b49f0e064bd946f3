import { type Token, comparePlace } from '../run/run.js';
import { newEntry } from './entries.js';
import type { LedgerRecord } from './messages.js';
import {
  type Entry,
  type LedgerOptions,
  type LedgerState,
  type PartitionLedger,
  emptyLedger,
  higher,
  ledgerKey,
  partitionLedger,
  placeOf,
} from './state.js';

/** What a journal amounts to. The machine goes on from it with the message `restored`. */
export function restoreLedger(
  options: LedgerOptions,
  records: Iterable<LedgerRecord>,
): LedgerState {
  const state = emptyLedger(options);
  for (const record of records) apply(state, record);
  for (const partition of state.partitions.values()) {
    for (const [key, place] of partition.tombstones) {
      if (comparePlace(place, partition.floor) < 0) partition.tombstones.delete(key);
    }
  }
  return state;
}

function apply(state: LedgerState, record: LedgerRecord): void {
  if (record.kind === 'identity') return identity(state, record);
  const partition = partitionLedger(state, record.partition);
  switch (record.kind) {
    case 'accepted': {
      const entry = entryOf(partition, record.token, record.at);
      entry.work = record.work;
      state.waiting.add(entry);
      return;
    }
    case 'started': {
      const entry = entryOf(partition, record.token, record.at);
      if (entry.phase !== 'accepted') return;
      state.waiting.delete(entry);
      state.running += 1;
      entry.phase = 'started';
      entry.startedAt = record.at;
      return;
    }
    case 'ended':
      return ended(state, partition, record);
    case 'acked': {
      if (partition.entries.get(ledgerKey(record.token))?.phase !== 'ended') return;
      partition.entries.delete(ledgerKey(record.token));
      state.outbox -= 1;
      return;
    }
    case 'floor':
      partition.floor = higher(partition.floor, record.floor);
      partition.floorSaved = partition.floor;
      return;
    case 'promise':
      partition.promise = higher(partition.promise, record.promise);
      partition.watermark = higher(partition.watermark, record.promise);
      return;
    case 'partition':
      partition.floor = higher(partition.floor, record.floor);
      partition.floorSaved = partition.floor;
      partition.watermark = higher(partition.watermark, record.watermark);
      partition.promise = higher(partition.promise, record.promise);
      for (const [key, epoch, seq] of record.tombstones) {
        partition.tombstones.set(key, { epoch, seq });
      }
      return;
    default: {
      const never: never = record;
      return never;
    }
  }
}

function entryOf(partition: PartitionLedger, token: Token, at: number): Entry {
  const key = ledgerKey(token);
  let entry = partition.entries.get(key);
  if (entry === undefined) {
    entry = newEntry(partition, token, at);
    entry.arrivedAt = Number.NEGATIVE_INFINITY;
    partition.entries.set(key, entry);
  }
  partition.watermark = higher(partition.watermark, placeOf(token));
  return entry;
}

function ended(
  state: LedgerState,
  partition: PartitionLedger,
  { token, report }: Extract<LedgerRecord, { kind: 'ended' }>,
): void {
  const entry = entryOf(partition, token, report.of === 'result' ? report.endedAt : 0);
  if (entry.phase === 'ended') return;
  if (entry.phase === 'started') state.running -= 1;
  state.waiting.delete(entry);
  state.outbox += 1;
  entry.phase = 'ended';
  entry.work = null;
  entry.report = report;
  partition.tombstones.set(ledgerKey(token), placeOf(token));
}

function identity(
  state: LedgerState,
  { incarnation, cluster }: Extract<LedgerRecord, { kind: 'identity' }>,
): void {
  for (const entry of state.waiting) {
    partitionLedger(state, entry.partition).entries.delete(ledgerKey(entry.token));
  }
  state.waiting.clear();
  if (state.cluster !== cluster) {
    state.partitions.clear();
    state.running = 0;
    state.outbox = 0;
  }
  state.incarnation = incarnation;
  state.cluster = cluster;
}

/** The shortest journal that restores to this state: what a compaction writes. */
export function* snapshotLedger(state: LedgerState): Generator<LedgerRecord> {
  const { incarnation, cluster } = state;
  if (incarnation !== null && cluster !== null) yield { kind: 'identity', incarnation, cluster };
  for (const { id, floor, watermark, promise, tombstones, entries } of state.partitions.values()) {
    const stones = [...tombstones].map(([key, p]) => [key, p.epoch, p.seq] as const);
    yield { kind: 'partition', partition: id, floor, watermark, promise, tombstones: stones };
    for (const entry of entries.values()) yield* snapshotEntry(entry);
  }
}

function* snapshotEntry(entry: Entry): Generator<LedgerRecord> {
  const { token, partition, report, work, acceptedAt, startedAt } = entry;
  if (report !== null) {
    yield { kind: 'ended', partition, token, report };
    return;
  }
  if (work === null) return;
  yield { kind: 'accepted', partition, token, work, at: acceptedAt };
  if (entry.phase === 'started') {
    yield { kind: 'started', partition, token, at: startedAt ?? acceptedAt };
  }
}
