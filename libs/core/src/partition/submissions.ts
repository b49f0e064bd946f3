import type { GivenEnd } from '../run/asked.js';
import { type Cell, deadlineOf } from '../run/run.js';
import type { PartitionMessage } from './messages.js';
import {
  type PartitionState,
  type Step,
  commit,
  dequeue,
  heldBy,
  perform,
  remember,
  watchExpiry,
} from './state.js';
import { event, finish, makeReady, move, save, waitUntil } from './transitions.js';

/** Taking in: the inbox row goes, the run is ours, SUBMITTED is written; all in one commit. */
export function takeIn(step: Step, inbox: string, cell: Cell): void {
  const { state, now } = step;
  if (state.applied.has(inbox)) return;
  remember(state.applied, inbox, step.state.limits.applied);
  commit(step, { kind: 'consume', inbox });
  const { facts } = cell;
  if (cell.record.given !== undefined) {
    cell.state = 'SCHEDULED';
    submitted(step, cell);
    endAtOnce(step, cell, cell.record.given);
    return;
  }
  const due = facts.due ?? facts.submittedAt;
  // The database wrote `submittedAt` by its own clock, which may be ahead of ours.
  const waits = facts.due !== null && due > now;
  cell.state = waits ? 'SCHEDULED' : 'READY';
  state.cells.set(facts.id, cell);
  submitted(step, cell);
  if (facts.expires !== null && facts.expires <= now) {
    cell.lane = null;
    const deadline = deadlineOf(facts);
    if (deadline !== null && deadline <= now) {
      finish(step, cell, 'DEAD', { outcome: 'TIMED_OUT', reason: 'its deadline had passed' });
      return;
    }
    finish(step, cell, 'EXPIRED', { outcome: null, reason: 'its start deadline had passed' });
    return;
  }
  watchExpiry(state, cell);
  if (waits) {
    waitUntil(step, cell, due);
  } else {
    makeReady(step, cell, due);
    if (facts.due !== null) commit(step, { kind: 'fired', planned: facts.due });
  }
  save(step, cell);
}

/** Ours, and nothing more: it could not be taken in, and is about to be parked. */
export function admit(step: Step, inbox: string, cell: Cell): void {
  remember(step.state.applied, inbox, step.state.limits.applied);
  commit(step, { kind: 'consume', inbox });
  cell.state = 'SCHEDULED';
  submitted(step, cell);
}

function submitted(step: Step, cell: Cell): void {
  const { asked } = cell.record;
  delete cell.record.asked;
  const said = asked && {
    actor: asked.by,
    ...(asked.reason === null ? {} : { data: { reason: asked.reason } }),
  };
  event(step, cell, 'SUBMITTED', { to: cell.state, ...said });
}

/** Marked by hand, or its result is there already: it is final in the commit that takes it in. */
export function endAtOnce(step: Step, cell: Cell, given: GivenEnd): void {
  const { as, by, reason, result, reusedFrom } = given;
  delete cell.record.given;
  if (reusedFrom !== null) cell.record.reusedFrom = reusedFrom;
  if (by !== null) event(step, cell, 'MARKED', { actor: by, data: { as, reason } });
  const outcome = as === 'SUCCEEDED' ? as : null;
  finish(step, cell, as, { outcome, reason, result, ...(by === null ? {} : { actor: by }) });
}

/** The pool's answer. What is no longer READY is declined; the pool's slot is free again. */
export function grant(
  step: Step,
  message: Extract<PartitionMessage, { kind: 'match' }>,
  addAttempt: (cell: Cell) => void,
): void {
  const { state, now } = step;
  const cell = state.cells.get(message.run);
  if (cell === undefined || !mayGo(state, cell, message.executor, now)) {
    const { pool, run, executor } = message;
    step.emit({ to: 'pool', soft: { kind: 'declined', pool, run, executor } });
    return;
  }
  dequeue(step, cell);
  cell.lane = null;
  cell.attempt++;
  cell.startedAt = null;
  cell.record.grantedAt = now;
  delete cell.record.lost;
  delete cell.record.reason;
  // The token's seq is that of the GRANTED event which is about to be written.
  cell.token = {
    run: cell.facts.id,
    attempt: cell.attempt,
    executor: message.executor,
    incarnation: message.incarnation,
    epoch: state.epoch,
    seq: state.head + 1,
  };
  move(step, cell, 'GRANTED', 'GRANTED');
  addAttempt(cell);
  save(step, cell);
  perform(step, { kind: 'opened', token: cell.token });
  perform(step, { kind: 'assign', cell, token: cell.token });
  step.emit({ to: 'pool', soft: { kind: 'granted', cell, executor: message.executor } });
}

const mayGo = (state: PartitionState, cell: Cell, executor: string, now: number): boolean =>
  cell.state === 'READY' && heldBy(state, cell) === undefined && !avoids(cell, executor, now);

export function avoids(cell: Cell, executor: string, now: number): boolean {
  const bounces = cell.record.bounces?.[executor];
  return bounces !== undefined && bounces[1] > now;
}
