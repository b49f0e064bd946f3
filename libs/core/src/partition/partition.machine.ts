import type { Machine, Millis } from '../kernel/machine.js';
import { compareRanked } from '../kernel/window.js';
import { type Cell, LANE_TIMED, comparePlace, isFinal, isOpen } from '../run/run.js';
import { addOpen, reopen } from './attempts.js';
import { audit, isKept, lanesRead } from './audit.js';
import { birth, close, evict, gone } from './executors.js';
import {
  type FinalRun,
  type Hold,
  type PartitionMessage,
  type PartitionOutput,
  isCommand,
} from './messages.js';
import { digest, report, stale } from './reports.js';
import {
  type PartitionState,
  type Step,
  enqueue,
  fetchAgain,
  forget,
  heldBy,
  isOldNews,
  laneWindow,
  newStep,
  readDone,
  refill,
  refillWhenLow,
  tellPool,
} from './state.js';
import { answerAbsent, command } from './commands.js';
import { heldRead, jobChanged, jobRead } from './holds.js';
import { PARKED, begin, blaming, isBenched, park, watchAgain } from './parking.js';
import { admit, grant, takeIn } from './submissions.js';
import { deaf, expire, heard, refillExpiries, silent, tick } from './time.js';
import { holdBack } from './transitions.js';

/**
 * The owner of a share of all runs. States and edges: run/edges.ts. Invariants, each with a test
 * that names it:
 *  P1 a run is granted to one executor at a time, under a token whose place is its GRANTED event;
 *  P2 an end is recorded once: a report whose token is not the open one is acknowledged, no more;
 *  P3 a final run leaves memory and is never written again;
 *  P4 nothing fires before its planned time;
 *  P5 every waiting run is in its lane's window or behind it in the index, never in neither;
 *  P6 memory is bounded by windows and open attempts, not by what waits;
 *  P7 an inbox row is applied once.
 */
export const partitionMachine: Machine<PartitionState, PartitionMessage, PartitionOutput> = {
  step(state, message, now, emit) {
    const step = newStep(state, now, emit);
    blaming(step, () => handle(step, message));
    return state;
  },
};

function handle(step: Step, message: PartitionMessage): void {
  if (!begin(step, message)) return;
  switch (message.kind) {
    case 'submitted':
      return takeIn(step, message.inbox, message.cell);
    case 'cancel':
    case 'pause':
    case 'freeze':
    case 'resume':
    case 'discard':
    case 'update':
    case 'mark':
      return command(step, message);
    case 'match':
      return grant(step, message, (cell) => void addOpen(step, cell, false));
    case 'claimed':
    case 'started':
    case 'progress':
    case 'result':
    case 'bounce':
    case 'froze':
      return report(step, message);
    case 'digest':
      return digest(step, message);
    case 'birth':
      return birth(step, message.birth);
    case 'gone':
      return gone(step, message.executor, message.session);
    case 'close':
      return close(step, message);
    case 'evict':
      return evict(step, message.executor, message.isDue);
    case 'silent':
      return silent(step, message);
    case 'deaf':
      return deaf(step);
    case 'heard':
      return heard(step, message.executor, message.incarnation);
    case 'fetched':
      return fetched(step, message);
    case 'refilled':
      return refilled(step, message);
    case 'expiries':
      return expiries(step, message);
    case 'expire':
      return expire(step, message.run);
    case 'park':
      return park(step, message);
    case 'wake':
      return wake(step, message.run);
    case 'job-changed':
      return jobChanged(step, message);
    case 'job-read':
      return jobRead(step, message);
    case 'held-read':
      return heldRead(step, message);
    case 'tick':
      return tick(step);
    case 'audit':
      return audit(step);
    case 'lanes-read':
      return lanesRead(step, message);
    default: {
      const never: never = message;
      return never;
    }
  }
}

/** A row the owner reads takes its place in memory by its state. */
function adopt(step: Step, cell: Cell): void {
  step.run = cell.facts.id;
  const token = isOpen(cell.state) ? cell.token : null;
  // Also of one that is left alone: its executor is not to forget it.
  if (token !== null) step.emit({ to: 'world', effect: { kind: 'opened', token } });
  if (cell.record.parked !== undefined) step.state.benched.set(cell.facts.id, PARKED);
  if (isBenched(step.state, cell)) return;
  if (token !== null) {
    reopen(step, cell);
    return;
  }
  if (!enqueue(step, cell) || cell.state !== 'READY') return;
  if (heldBy(step.state, cell) === undefined) tellPool(step, { kind: 'offer', cell });
  // Its job was paused while it was in no memory.
  else step.state.unswept = true;
}

function fetched(step: Step, message: Extract<PartitionMessage, { kind: 'fetched' }>): void {
  const { state } = step;
  const { run, cell, read } = message;
  const isStale = isOldNews(state, run, read);
  readDone(state, read);
  if (!state.cells.has(run) && isStale) {
    fetchAgain(step, run);
    return;
  }
  const waiting = state.fetching.get(run) ?? [];
  state.fetching.delete(run);
  let held = state.cells.get(run);
  if (held === undefined) {
    if (cell === null) {
      for (const next of waiting) absent(step, next, message);
      return;
    }
    if (message.taken) adopt(step, cell);
    else if (isBenched(state, cell)) admit(step, run, cell);
    else takeIn(step, run, cell);
    held = state.cells.get(run) ?? cell;
  }
  for (const next of waiting) {
    // What is behind its window is in memory for each of the messages at hand.
    if (isFinal(held.state)) absent(step, next, { ...message, final: finalOf(held) });
    else {
      state.cells.set(run, held);
      handle(step, next);
    }
  }
  if (!isFinal(held.state) && !isKept(state, held)) forget(state, run);
}

/** Read anew after it was left alone. */
function wake(step: Step, run: string): void {
  const cell = step.state.cells.get(run);
  if (cell !== undefined) watchAgain(step, cell);
}

const finalOf = ({ state, facts }: Cell): FinalRun => {
  return { state, project: facts.project, job: facts.job };
};

/** The run is final or was never: who asked for it is told, nothing changes. */
function absent(
  step: Step,
  next: PartitionMessage,
  message: Extract<PartitionMessage, { kind: 'fetched' }>,
): void {
  if (isCommand(next)) answerAbsent(step, next, message);
  else if (next.kind === 'result' || next.kind === 'bounce') stale(step, next);
  else if (next.kind === 'park') step.state.benched.delete(next.run);
}

function refilled(step: Step, message: Extract<PartitionMessage, { kind: 'refilled' }>): void {
  const { state } = step;
  const { lane: name, cells, complete, read } = message;
  const lane = laneWindow(state, name);
  lane.refilling = false;
  // What is behind the window joins it: while it is filled, the end of the window is open.
  lane.window.complete = true;
  const { spilled } = lane;
  let isWhole = complete && spilled === null;
  for (const cell of cells) {
    step.run = cell.facts.id;
    if (state.cells.has(cell.facts.id) || isBenched(state, cell)) continue;
    if (isOldNews(state, cell.facts.id, read)) {
      isWhole = false;
      continue;
    }
    const hold = name === LANE_TIMED ? undefined : heldBy(state, cell);
    if (hold !== undefined) holdBack(step, cell, hold);
    else if (enqueue(step, cell) && name !== LANE_TIMED) tellPool(step, { kind: 'offer', cell });
  }
  readDone(state, read);
  if (!isWhole) lane.window.complete = false;
  lane.spilled = null;
  const last = lane.window.last();
  // It would wait behind what ranks after it, until the window is low.
  if (spilled !== null && last !== undefined && compareRanked(spilled, last) < 0) {
    refill(step, name, lane);
  } else refillWhenLow(step, name, lane);
  if (lane.window.size === 0 && lane.window.complete) state.lanes.delete(name);
}

function expiries(step: Step, message: Extract<PartitionMessage, { kind: 'expiries' }>): void {
  const { state } = step;
  state.expiriesRefilling = false;
  state.expiries.complete = true;
  let isWhole = message.complete && state.expiriesSpilled === null;
  for (const item of message.items) isWhole = state.expiries.insert(item) === undefined && isWhole;
  // The page was read before what was left to the index meanwhile: from there on it is read anew.
  if (state.expiriesSpilled !== null) state.expiries.cut(state.expiriesSpilled);
  state.expiriesSpilled = null;
  state.expiries.complete = isWhole;
  if (!isWhole && state.expiries.size === 0) refillExpiries(step);
}

/** Everything an owner reads at a takeover; its deadlines are asked for at the end. */
export function loadPartition(
  state: PartitionState,
  cells: readonly Cell[],
  holds: ReadonlyMap<string, Hold>,
  now: Millis,
  emit: (output: PartitionOutput) => void,
): void {
  const step = newStep(state, now, emit);
  blaming(step, () => loadAll(step, cells, holds));
}

function loadAll(step: Step, cells: readonly Cell[], holds: ReadonlyMap<string, Hold>): void {
  const { state } = step;
  const counts = new Map<string, number>();
  for (const [job, hold] of holds) state.holds.set(job, hold);
  for (const cell of [...cells].sort(byGrant)) {
    if (!isOpen(cell.state) && cell.lane !== null) {
      counts.set(cell.lane, (counts.get(cell.lane) ?? 0) + 1);
    }
    adopt(step, cell);
  }
  for (const [lane, count] of counts) {
    if (count >= step.state.limits.window) laneWindow(state, lane).window.complete = false;
  }
  state.lanesLeft = counts.size >= state.limits.lanes;
  state.expiries.complete = false;
  refillExpiries(step);
}

/** Open attempts in the order of their grants: floors read the first as the lowest. */
function byGrant(a: Cell, b: Cell): number {
  if (!isOpen(a.state) || !isOpen(b.state))
    return Number(isOpen(b.state)) - Number(isOpen(a.state));
  return a.token === null || b.token === null ? 0 : comparePlace(a.token, b.token);
}
