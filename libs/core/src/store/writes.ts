import type { Millis } from '../kernel/machine.js';
import {
  type Cell,
  OUTCOMES,
  type Outcome,
  RUN_STATES,
  type RunError,
  type RunState,
  type Token,
} from '../run/run.js';

const STATE_CODE: ReadonlyMap<RunState, number> = new Map(RUN_STATES.map((s, i) => [s, i]));
const OUTCOME_CODE: ReadonlyMap<Outcome, number> = new Map(OUTCOMES.map((o, i) => [o, i]));
export const stateCode = (state: RunState): number => STATE_CODE.get(state) ?? 0;

/** What one partition writes in a batch: sealed, so that a repeat is the same call. */
export interface PartitionWrites {
  readonly partition: number;
  readonly epoch: number;
  /** Journal segment, already encoded; undefined when nothing happened. */
  readonly segment?: string | undefined;
  readonly events: number;
  readonly consumed: readonly string[];
  readonly amended: readonly AmendedRun[];
  readonly changed: readonly SealedRun[];
  readonly granted: readonly SealedGrant[];
  readonly open: readonly SealedAttempt[];
  readonly finished: readonly FinishedRun[];
  readonly released: readonly Keyed[];
  readonly cached: readonly CachedResult[];
  readonly reused: readonly ReusedResult[];
  readonly discarded: readonly DiscardedRun[];
  readonly answers: readonly CommandAnswer[];
  readonly outgoing: readonly OutgoingMessage[];
  readonly executors: readonly ExecutorRow[];
  readonly aside: readonly AsideRow[];
  /** Inbox rows that are about to be applied alone. */
  readonly named: readonly string[];
}

export const noWrites = (partition: number, epoch: number): PartitionWrites => ({
  partition,
  epoch,
  events: 0,
  consumed: [],
  amended: [],
  changed: [],
  granted: [],
  open: [],
  finished: [],
  released: [],
  cached: [],
  reused: [],
  discarded: [],
  answers: [],
  outgoing: [],
  executors: [],
  aside: [],
  named: [],
});

/** Under a key of its project's. */
export interface Keyed {
  readonly project: string;
  readonly key: string;
  readonly run: string;
}
/** The result of another stands for its own: copied where it is, however large. */
export interface ReusedResult {
  readonly run: string;
  readonly from: string;
}
export interface DiscardedRun {
  readonly run: string;
  readonly by: string;
  readonly reason: string;
}
export interface CachedResult extends Keyed {
  readonly expires: number;
}

/** What a run is, changed by hand before it started; a text that is null stays as it was. */
export interface AmendedRun {
  readonly run: string;
  readonly priority: number;
  readonly due: number | null;
  readonly expires: number | null;
  /** JSON texts. */
  readonly params: string | null;
  readonly labels: string | null;
}

/** A run as it is to be written: taken when its batch is sealed, as the cell lives on. */
export interface SealedRun {
  readonly id: string;
  readonly state: number;
  readonly lane: string | null;
  readonly rank: number;
  readonly readyAt: number | null;
  readonly attempt: number;
  readonly spent: number;
  /** There was an open attempt once: its row goes. */
  readonly wasGranted: boolean;
  readonly record: string;
}
/** Of a run with an open attempt: its live row stays as it is. */
export interface SealedAttempt {
  readonly run: string;
  readonly state: number;
  readonly startedAt: number | null;
  readonly record: string;
}
export interface SealedGrant extends SealedAttempt {
  readonly token: Token;
  readonly project: string;
  readonly rank: number;
  readonly readyAt: number;
  readonly spent: number;
  /** An attempt of it may have been open before: its row goes first. */
  readonly isAgain: boolean;
}
export interface FinishedRun {
  readonly id: string;
  readonly state: number;
  readonly readyAt: number | null;
  readonly startedAt: number | null;
  readonly attempt: number;
  readonly spent: number;
  readonly wasGranted: boolean;
  readonly executor: string | null;
  readonly record: string;
  readonly outcome: number | null;
  readonly finishedAt: number;
  readonly retentionMs: number;
  /** JSON texts. */
  readonly result: string | null;
  readonly error: string | null;
}
export interface RunEnd {
  readonly cell: Cell;
  readonly outcome: Outcome | null;
  readonly finishedAt: number;
  readonly result: string | null;
  readonly error: RunError | null;
}

export function sealRun(cell: Cell): SealedRun {
  return {
    id: cell.facts.id,
    state: stateCode(cell.state),
    lane: cell.lane,
    rank: Math.round(cell.rank),
    readyAt: cell.readyAt,
    attempt: cell.attempt,
    spent: cell.spent,
    wasGranted: cell.record.grantedAt !== undefined,
    record: JSON.stringify(cell.record),
  };
}

export function sealAttempt(cell: Cell): SealedAttempt {
  return {
    run: cell.facts.id,
    state: stateCode(cell.state),
    startedAt: cell.startedAt,
    record: JSON.stringify(cell.record),
  };
}

export type GrantedCell = Cell & { readonly token: Token };
export const isGranted = (cell: Cell): cell is GrantedCell => cell.token !== null;

export function sealGrant(cell: GrantedCell): SealedGrant {
  const { token } = cell;
  return {
    run: cell.facts.id,
    state: stateCode(cell.state),
    startedAt: cell.startedAt,
    record: JSON.stringify(cell.record),
    token,
    project: cell.facts.project,
    rank: Math.round(cell.rank),
    readyAt: cell.readyAt ?? cell.facts.submittedAt,
    spent: cell.spent,
    isAgain: token.attempt > 1 || cell.record.bounces !== undefined,
  };
}

export function sealEnd(end: RunEnd): FinishedRun {
  const { cell } = end;
  return {
    id: cell.facts.id,
    state: stateCode(cell.state),
    readyAt: cell.readyAt,
    startedAt: cell.startedAt,
    attempt: cell.attempt,
    spent: cell.spent,
    wasGranted: cell.record.grantedAt !== undefined,
    executor: cell.token?.executor ?? cell.record.lost?.executor ?? null,
    record: JSON.stringify(cell.record),
    outcome: end.outcome === null ? null : (OUTCOME_CODE.get(end.outcome) ?? null),
    finishedAt: end.finishedAt,
    retentionMs: cell.facts.policy.retentionMs,
    result: end.result,
    error: end.error === null ? null : JSON.stringify(end.error),
  };
}

export interface CommandAnswer {
  readonly command: string;
  readonly outcome: string;
}
export interface OutgoingMessage {
  readonly partition: number;
  readonly id: string;
  readonly kind: number;
  readonly ref: string | null;
  readonly payload: string;
}
export interface ExecutorRow {
  readonly id: string;
  readonly pool: string;
  readonly state: number;
  readonly incarnation: number;
  readonly since: number;
  readonly record: string;
  /** The code of its state by a person's word, and until when it is to be empty. */
  readonly closed: number | null;
  readonly emptyBy: Millis | null;
}
export interface AsideRow {
  readonly id: string;
  readonly run: string | null;
  readonly kind: string;
  readonly bytes: string | null;
  readonly error: string;
}
