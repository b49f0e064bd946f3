import type { Millis } from '../kernel/machine.js';
import { type Place, type Token, comparePlace } from '../run/run.js';
import type {
  EndReport,
  LedgerEffect,
  LedgerRecord,
  LedgerUp,
  Refusal,
  Verdict,
  Work,
} from './messages.js';

/** Limits, each a constant with a name. */
export const LEDGER_LIMITS = {
  /** A report that nobody answers is sent again after this, then ever more rarely. */
  restateMs: 1_000,
  reportGapMsMax: 8_000,
  startedGapMsMax: 60_000,
  /** Reports restated by one tick: the rest waits for the next. */
  restatedMax: 1_000,
  /** Reports without an ack, and entries of one partition (a digest must fit a message). */
  outboxMax: 10_000,
  entriesMax: 5_000,
  /** Tombstones are looked through when this many are there, or twice what the last look left. */
  sweepMin: 256,
  /** Above, a promise takes their place: one open grant of long ago keeps every floor down. */
  tombstonesMax: 4_096,
  partitionsMax: 65_536,
} as const;

export type Phase = 'accepted' | 'started' | 'ended';

/** A token this executor holds: its inbox, what runs, and its outbox. */
export interface Entry {
  readonly token: Token;
  readonly partition: number;
  readonly acceptedAt: Millis;
  /** When its owner's word came, on this process's clock: that is an answer, too. */
  arrivedAt: Millis;
  phase: Phase;
  /** Forgotten at the end. */
  work: Work | null;
  startedAt: Millis | null;
  /** The runner has said so; before that the start mark is a plan. */
  announced: boolean;
  /** When it will have been killed, once it was told to stop. */
  stopBy: Millis | null;
  /** The newest word of its owner on whether it is to stand still. */
  freeze: { readonly on: boolean; readonly seq: number } | null;
  report: EndReport | null;
  sentAt: Millis;
  tries: number;
}

export interface PartitionLedger {
  readonly id: number;
  /** The highest heard, and the highest that is on disk. */
  floor: Place;
  floorSaved: Place;
  /** The highest place accepted, bounced or cancelled. */
  watermark: Place;
  /** Every token up to here that no digest listed is refused. */
  promise: Place;
  /** The newest owner heard, by epoch. */
  ownerEpoch: number;
  readonly entries: Map<string, Entry>;
  readonly tombstones: Map<string, Place>;
  sweepAt: number;
  /** A digest is owed until the owner has taken in the one last sent. */
  digest: { sentAt: Millis | null; watermark: Place } | null;
}

export interface LedgerOptions {
  readonly executor: string;
  readonly slots: number;
  /** Assignments accepted while all slots are taken. */
  readonly backlog: number;
  /** Pure: the same work gets the same verdict in the same process. */
  readonly judge: (work: Work) => Verdict;
}

export interface LedgerState {
  readonly options: LedgerOptions;
  incarnation: number | null;
  cluster: string | null;
  /** null until the cluster has welcomed this connection: nothing is taken and nothing is said. */
  session: string | null;
  draining: boolean;
  /** When somebody last answered this executor's beats; null: nobody has said so yet. */
  answeredAt: Millis | null;
  readonly partitions: Map<number, PartitionLedger>;
  /** Accepted and not yet started, in order. */
  readonly waiting: Set<Entry>;
  running: number;
  outbox: number;
}

export const NOWHERE: Place = { epoch: 0, seq: 0 };

export const emptyLedger = (options: LedgerOptions): LedgerState => ({
  options,
  incarnation: null,
  cluster: null,
  session: null,
  draining: false,
  answeredAt: null,
  partitions: new Map(),
  waiting: new Set(),
  running: 0,
  outbox: 0,
});

export interface LedgerStep {
  readonly state: LedgerState;
  readonly now: Millis;
  readonly emit: (effect: LedgerEffect) => void;
}

/** The executor is not in it: all tokens here name the same one. */
export const ledgerKey = (t: Token): string =>
  `${t.run}/${t.attempt}/${t.incarnation}/${t.epoch}/${t.seq}`;

export const higher = (a: Place, b: Place): Place => (comparePlace(a, b) >= 0 ? a : b);
export const placeOf = ({ epoch, seq }: Token): Place => ({ epoch, seq });

export function partitionLedger(state: LedgerState, id: number): PartitionLedger {
  let found = state.partitions.get(id);
  if (found === undefined) {
    found = {
      id,
      floor: NOWHERE,
      floorSaved: NOWHERE,
      watermark: NOWHERE,
      promise: NOWHERE,
      ownerEpoch: 0,
      entries: new Map(),
      tombstones: new Map(),
      sweepAt: LEDGER_LIMITS.sweepMin,
      digest: null,
    };
    state.partitions.set(id, found);
  }
  return found;
}

export const persist = (step: LedgerStep, record: LedgerRecord): void =>
  step.emit({ kind: 'persist', record });

export const refuse = (step: LedgerStep, why: Refusal): void => step.emit({ kind: 'refused', why });

/** Without a session nobody listens; the next one is told everything. */
export function send(step: LedgerStep, partition: number, item: LedgerUp, tries: number): void {
  if (step.state.session !== null) step.emit({ kind: 'send', partition, item, tries });
}

/** Slots that are taken or promised. */
export const busyOf = (state: LedgerState): number => state.running + state.waiting.size;
