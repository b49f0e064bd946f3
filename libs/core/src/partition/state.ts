import { Heap } from '../kernel/heap.js';
import type { Millis } from '../kernel/machine.js';
import { type Ranked, Window, compareRanked } from '../kernel/window.js';
import type { Alarm } from './alarms.js';
import { type Cell, LANE_TIMED, type Token } from '../run/run.js';
import type { ExecutorCell } from './executor-cell.js';
import type { AuditedRow, Hold, PartitionMessage, PartitionOutput } from './messages.js';

/** Limits, each a constant with a name. */
export const LIMITS = {
  /** Runs of one lane in memory; the rest is behind, in the index. */
  window: 128,
  /** Refill when fewer are left and more are behind. */
  windowLow: 64,
  /** Lanes that a load brings. */
  lanes: 1_024,
  expiries: 1_024,
  /** Transitions that one step may make; the rest is done in the next. */
  transitions: 1_000,
  resendMs: 1_000,
  /** Ends of attempts remembered, so that a repeated report needs no look at the database. */
  closed: 2_048,
  /** Inbox rows remembered, so that a repeated hint changes nothing. */
  applied: 4_096,
  /** Messages that wait for one look-up; what is beyond is said again by its sender. */
  fetching: 64,
  attemptsKept: 100,
  seqsKept: 200,
  bounces: 3,
  avoidMs: 300_000,
} as const;
export type Limits = { readonly [K in keyof typeof LIMITS]: number };

/** An open attempt: what is remembered of it beside its row, derived anew at a load. */
export interface OpenAttempt {
  readonly cell: Cell;
  /** The executor has it in its inbox: nothing is resent. */
  claimed: boolean;
  sentAt: Millis;
  /** Silent: LOST at this time unless heard again, or held: silent with many others (3.2). */
  lostAt: Millis | null;
  isHeld: boolean;
  /** Its executor was silent when we could last hear. */
  isAway: boolean;
  /** And was heard since, but not yet of this attempt. */
  isBack: boolean;
  /** The server's backstop behind the executor's own time-out; none while it is frozen. */
  timeoutAt: Millis | null;
  /** When `record.freeze` was last said; null: it is confirmed, or there is nothing to say. */
  freezeSentAt: Millis | null;
}

/** A waiting run in a lane window; `rank` and `id` are its place. */
export interface Waiting {
  readonly id: string;
  readonly rank: number;
  readonly cell: Cell;
}

export interface LaneWindow {
  readonly window: Window<Waiting>;
  refilling: boolean;
  /** The first of what was left to the index while a refill was under way: its page lacks it. */
  spilled: Ranked | null;
}

export interface PartitionState {
  readonly id: number;
  readonly limits: Limits;
  readonly epoch: number;
  /** The head of the journal as we will have written it. */
  head: number;
  readonly cells: Map<string, Cell>;
  readonly open: Map<string, OpenAttempt>;
  readonly byExecutor: Map<string, Set<string>>;
  readonly lanes: Map<string, LaneWindow>;
  readonly expiries: Window<{ readonly id: string; readonly rank: number }>;
  /** Everything up to here has fired; a refill reads behind it. */
  expiriesAfter: Millis;
  expiriesRefilling: boolean;
  expiriesSpilled: Millis | null;
  /** The number of the newest read that was asked for, and those that are under way. */
  lastRead: number;
  readonly reads: Set<number>;
  /**
   * Runs that changed or left memory, with the newest read by then: what a read that old or older
   * says of them is old news.
   */
  readonly touched: Map<string, number>;
  /** What waits for a run that is being looked up: one look-up a run. */
  readonly fetching: Map<string, PartitionMessage[]>;
  /** A page of the lanes is being read to be compared; up to where that has come. */
  auditing: boolean;
  audited: Pick<AuditedRow, 'lane' | 'rank' | 'id'> | null;
  /** The load left lanes behind: there were more than it brings. */
  lanesLeft: boolean;
  readonly alarms: Heap<Alarm>;
  readonly closed: Set<string>;
  readonly applied: Set<string>;
  readonly executors: Map<string, ExecutorCell>;
  /** By id: the jobs that are paused. */
  readonly holds: Map<string, Hold>;
  /** Inbox rows that say a job was paused or goes on; true: a run on the bench waits for it. */
  readonly changing: Map<string, boolean>;
  /** There may be runs in line that a hold should have taken out of it. */
  unswept: boolean;
  /** Runs that failed: left alone until then, or for as long as they are parked. */
  readonly benched: Map<string, Millis>;
  /** The life of the cluster: incarnations of another are unknown here. */
  readonly life: string;
}

export function emptyPartition(
  id: number,
  epoch: number,
  head: number,
  life: string,
  limits: Limits = LIMITS,
): PartitionState {
  return {
    id,
    limits,
    epoch,
    head,
    cells: new Map(),
    open: new Map(),
    byExecutor: new Map(),
    lanes: new Map(),
    expiries: new Window(limits.expiries),
    expiriesAfter: 0,
    expiriesRefilling: false,
    expiriesSpilled: null,
    lastRead: 0,
    reads: new Set(),
    touched: new Map(),
    fetching: new Map(),
    auditing: false,
    audited: null,
    lanesLeft: false,
    alarms: new Heap((a, b) => a.at < b.at),
    closed: new Set(),
    applied: new Set(),
    executors: new Map(),
    holds: new Map(),
    changing: new Map(),
    unswept: false,
    benched: new Map(),
    life,
  };
}

/** One step: the state, the time, and where outputs go. */
export interface Step {
  readonly state: PartitionState;
  readonly now: Millis;
  readonly emit: (output: PartitionOutput) => void;
  /** Transitions left in this step. */
  budget: number;
  /** What is worked at: if it throws, this is why. */
  at: PartitionMessage | null;
  run: string | null;
}

export const newStep = (
  state: PartitionState,
  now: Millis,
  emit: (output: PartitionOutput) => void,
): Step => ({ state, now, emit, budget: state.limits.transitions, at: null, run: null });

export const commit = (
  step: Step,
  write: Extract<PartitionOutput, { to: 'commit' }>['write'],
): void => step.emit({ to: 'commit', write });
export const perform = (
  step: Step,
  effect: Extract<PartitionOutput, { to: 'world' }>['effect'],
): void => step.emit({ to: 'world', effect });
export const tellPool = (
  step: Step,
  soft: Extract<PartitionOutput, { to: 'pool' }>['soft'],
): void => step.emit({ to: 'pool', soft });

export function newRead(state: PartitionState): number {
  state.reads.add(++state.lastRead);
  return state.lastRead;
}

/** A run that is not in memory is loaded first, then the message is judged against its row (§6). */
export function fetchThen(step: Step, run: string, next: PartitionMessage): void {
  const { state } = step;
  const waiting = state.fetching.get(run);
  if (waiting !== undefined) {
    if (waiting.length < state.limits.fetching) waiting.push(next);
    return;
  }
  state.fetching.set(run, [next]);
  perform(step, { kind: 'fetch', run, read: newRead(state) });
}

/** The look-up saw the run as it was before it changed: once more, for the same messages. */
export function fetchAgain(step: Step, run: string): void {
  perform(step, { kind: 'fetch', run, read: newRead(step.state) });
}

/** A read has come back: what is older than every read under way can be no news to any. */
export function readDone(state: PartitionState, read: number): void {
  state.reads.delete(read);
  const first = state.reads.values().next();
  const oldest = first.done === true ? Number.POSITIVE_INFINITY : first.value;
  for (const [run, at] of state.touched) {
    if (at >= oldest) return;
    state.touched.delete(run);
  }
}

export function isOldNews(state: PartitionState, run: string, read: number): boolean {
  return (state.touched.get(run) ?? -1) >= read;
}

/** The run leaves memory while reads may still show how it was. */
export function forget(state: PartitionState, run: string): void {
  state.cells.delete(run);
  if (state.reads.size === 0) return;
  state.touched.delete(run);
  state.touched.set(run, state.lastRead);
}

export const heldBy = ({ holds }: PartitionState, { facts }: Cell): Hold | undefined =>
  facts.job === null ? undefined : holds.get(facts.job);

export function remember(set: Set<string>, key: string, bound: number): void {
  set.add(key);
  if (set.size <= bound) return;
  const oldest = set.values().next();
  if (oldest.done !== true) set.delete(oldest.value);
}

export const tokenKey = (token: Token): string => `${token.run}/${token.epoch}/${token.seq}`;

export function laneWindow(state: PartitionState, lane: string): LaneWindow {
  let found = state.lanes.get(lane);
  if (found === undefined) {
    found = { window: new Window(state.limits.window), refilling: false, spilled: null };
    state.lanes.set(lane, found);
  }
  return found;
}

/** Puts a waiting run into its lane's window, or leaves it to the index. Says whether it is in. */
export function enqueue(step: Step, cell: Cell): boolean {
  const { state } = step;
  if (cell.lane === null) return false;
  const lane = laneWindow(state, cell.lane);
  const out = lane.window.insert({ id: cell.facts.id, rank: cell.rank, cell });
  if (out === undefined) {
    state.cells.set(cell.facts.id, cell);
    return true;
  }
  if (lane.spilled === null || compareRanked(out, lane.spilled) < 0) lane.spilled = out;
  state.cells.set(cell.facts.id, cell);
  forget(state, out.id);
  if (out.cell !== cell && cell.lane !== LANE_TIMED) {
    tellPool(step, { kind: 'withdraw', cell: out.cell });
  }
  return out.cell !== cell;
}

/** Remembers when the run's deadline is; what does not fit is behind, in the index. */
export function watchExpiry(state: PartitionState, cell: Cell): void {
  if (cell.facts.expires === null) return;
  const out = state.expiries.insert({ id: cell.facts.id, rank: cell.facts.expires });
  if (out === undefined) return;
  state.expiriesSpilled = Math.min(state.expiriesSpilled ?? out.rank, out.rank);
}

export function dequeue(step: Step, cell: Cell): void {
  if (cell.lane === null) return;
  const lane = step.state.lanes.get(cell.lane);
  if (lane === undefined) return;
  lane.window.remove({ id: cell.facts.id, rank: cell.rank });
  refillWhenLow(step, cell.lane, lane);
  if (lane.window.size === 0 && lane.window.complete && !lane.refilling) {
    step.state.lanes.delete(cell.lane);
  }
}

export function refillWhenLow(step: Step, name: string, lane: LaneWindow): void {
  if (lane.refilling || lane.window.complete || lane.window.size >= step.state.limits.windowLow)
    return;
  refill(step, name, lane);
}

export function refill(step: Step, name: string, lane: LaneWindow): void {
  lane.refilling = true;
  lane.spilled = null;
  perform(step, { kind: 'refill', lane: name, read: newRead(step.state) });
}
