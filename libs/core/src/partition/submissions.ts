import { type Cell, LANE_TIMED, type Token, isFinal, isOpen } from '../run/run.js';
import type { Command, CommandOutcome, PartitionMessage } from './messages.js';
import {
  type Step,
  commit,
  dequeue,
  enqueue,
  fetchThen,
  perform,
  remember,
  watchExpiry,
} from './state.js';
import { event, finish, makeReady, move, save } from './transitions.js';

/** Taking in: the inbox row goes, the run is ours, SUBMITTED is written; all in one commit. */
export function takeIn(step: Step, inbox: string, cell: Cell): void {
  const { state, now } = step;
  if (state.applied.has(inbox)) return;
  remember(state.applied, inbox, step.state.limits.applied);
  commit(step, { kind: 'consume', inbox });
  const { facts } = cell;
  const due = facts.due ?? facts.submittedAt;
  const waits = due > now;
  cell.state = waits ? 'SCHEDULED' : 'READY';
  state.cells.set(facts.id, cell);
  event(step, cell, 'SUBMITTED', { to: cell.state });
  if (facts.expires !== null && facts.expires <= now) {
    cell.lane = null;
    finish(step, cell, 'EXPIRED', { outcome: null, reason: 'its start deadline had passed' });
    return;
  }
  watchExpiry(state, cell);
  if (waits) {
    cell.lane = LANE_TIMED;
    cell.rank = due;
    enqueue(step, cell);
  } else {
    makeReady(step, cell, due);
    if (facts.due !== null) commit(step, { kind: 'fired', planned: facts.due });
  }
  save(step, cell);
}

/** The pool's answer. What is no longer READY is declined; the pool's slot is free again. */
export function grant(
  step: Step,
  message: Extract<PartitionMessage, { kind: 'match' }>,
  addAttempt: (cell: Cell) => void,
): void {
  const { state, now } = step;
  const cell = state.cells.get(message.run);
  if (cell === undefined || cell.state !== 'READY' || avoids(cell, message.executor, now)) {
    step.emit({
      to: 'pool',
      soft: {
        kind: 'declined',
        pool: cell?.facts.pool ?? null,
        run: message.run,
        executor: message.executor,
      },
    });
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

export function avoids(cell: Cell, executor: string, now: number): boolean {
  const bounces = cell.record.bounces?.[executor];
  return bounces !== undefined && bounces[1] > now;
}

/** Commands address rows: what is not in memory is loaded first. The answer is in the commit. */
export function cancel(step: Step, command: Command): void {
  const { state } = step;
  if (state.applied.has(command.inbox)) return;
  const cell = state.cells.get(command.run);
  if (cell === undefined) {
    fetchThen(step, command.run, command);
    return;
  }
  remember(state.applied, command.inbox, step.state.limits.applied);
  commit(step, { kind: 'consume', inbox: command.inbox });
  const attempt = state.open.get(command.run);
  if (!isOpen(cell.state) || attempt === undefined) {
    event(step, cell, 'CANCEL_REQUESTED', { actor: command.by });
    finish(step, cell, 'CANCELLED', {
      outcome: 'CANCELLED',
      reason: command.reason,
      actor: command.by,
    });
  } else if (cell.state !== 'CANCELLING' || cell.record.cancel?.outcome !== 'CANCELLED') {
    beginCancel(step, cell, command);
    attempt.sentAt = step.now;
  }
  if (command.force && isOpen(cell.state)) forceCancel(step, cell);
  answer(step, command, { ok: true, state: cell.state });
}

function beginCancel(step: Step, cell: Cell, command: Command): void {
  const graceMs = command.graceMs ?? cell.facts.policy.graceMs;
  cell.record.cancel = {
    outcome: 'CANCELLED',
    reason: command.reason,
    by: command.by,
    at: step.now,
    graceMs,
  };
  if (cell.state === 'CANCELLING') {
    event(step, cell, 'CANCEL_REQUESTED', { actor: command.by });
  } else {
    move(step, cell, 'CANCELLING', 'CANCEL_REQUESTED', { actor: command.by });
  }
  save(step, cell);
  if (cell.token !== null) {
    perform(step, { kind: 'stop', token: cell.token, graceMs, why: command.reason });
  }
}

/** `force` does not wait for an executor that is away (1.6); a present one is told to stop. */
function forceCancel(step: Step, cell: Cell): void {
  const attempt = step.state.open.get(cell.facts.id);
  if (attempt === undefined || attempt.lostAt === null) return;
  attempt.lostAt = step.now;
  step.state.alarms.push({
    at: step.now,
    run: cell.facts.id,
    token: cell.token as Token,
    what: 'lost',
  });
}

export function answer(step: Step, command: Command, outcome: CommandOutcome): void {
  commit(step, { kind: 'answer', command: command.inbox, outcome });
}

/** A command whose run was looked up: final, unknown, or now in memory. */
export function answerAbsent(
  step: Step,
  command: Command,
  message: Extract<PartitionMessage, { kind: 'fetched' }>,
): void {
  if (step.state.applied.has(command.inbox)) return;
  remember(step.state.applied, command.inbox, step.state.limits.applied);
  commit(step, { kind: 'consume', inbox: command.inbox });
  const final = message.final;
  if (final !== null && isFinal(final)) {
    answer(step, command, { ok: false, code: 'RUN_FINAL', state: final });
  } else {
    answer(step, command, { ok: false, code: 'NOT_FOUND', state: null });
  }
}
