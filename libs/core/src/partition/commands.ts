import { loseAt } from './attempts.js';
import { type Cell, isOpen } from '../run/run.js';
import type { Command, CommandOutcome, CommandRefusal, RunChange } from './command.js';
import { freeze, thaw } from './freeze.js';
import { unpark, watchAgain } from './parking.js';
import { endAtOnce } from './submissions.js';
import type { FinalRun, PartitionMessage } from './messages.js';
import {
  type OpenAttempt,
  type Step,
  commit,
  dequeue,
  fetchThen,
  forget,
  heldBy,
  perform,
  remember,
  watchExpiry,
} from './state.js';
import { event, finish, goOn, makeReady, move, save, waitUntil } from './transitions.js';

type Of<K extends Command['kind']> = Extract<Command, { kind: K }>;

/** Commands address rows: what is not in memory is loaded first. The answer is in the commit. */
export function command(step: Step, message: Command): void {
  const { state } = step;
  if (state.applied.has(message.inbox)) return;
  const cell = state.cells.get(message.run);
  if (cell === undefined) {
    fetchThen(step, message.run, message);
    return;
  }
  consume(step, message);
  answer(step, message, apply(step, cell, message));
}

function consume(step: Step, { inbox }: Command): void {
  remember(step.state.applied, inbox, step.state.limits.applied);
  commit(step, { kind: 'consume', inbox });
}

function apply(step: Step, cell: Cell, message: Command): CommandOutcome {
  switch (message.kind) {
    case 'cancel':
      return cancel(step, cell, message);
    case 'pause':
      return pause(step, cell, message);
    case 'freeze':
      return freezeRun(step, cell, message);
    case 'resume':
      return resume(step, cell, message);
    case 'discard':
      return refused(cell, 'RUN_NOT_DEAD');
    case 'update':
      return update(step, cell, message);
    case 'mark':
      return mark(step, cell, message);
    default: {
      const never: never = message;
      return never;
    }
  }
}

const applied = ({ state }: Cell): CommandOutcome => ({ ok: true, state });
const same = ({ state }: Cell): CommandOutcome => ({ ok: true, state, same: true });
const refused = ({ state }: Pick<Cell, 'state'>, code: CommandRefusal): CommandOutcome => ({
  ok: false,
  code,
  state,
});

/** 1.6. A second one changes nothing, unless it is by force. */
function cancel(step: Step, cell: Cell, message: Of<'cancel'>): CommandOutcome {
  unpark(step, cell);
  const attempt = step.state.open.get(message.run);
  const isRepeat = cell.state === 'CANCELLING' && cell.record.cancel?.outcome === 'CANCELLED';
  if (!isOpen(cell.state) || attempt === undefined) {
    event(step, cell, 'CANCEL_REQUESTED', { actor: message.by });
    finish(step, cell, 'CANCELLED', {
      outcome: 'CANCELLED',
      reason: message.reason,
      actor: message.by,
    });
  } else {
    if (!isRepeat) {
      beginCancel(step, cell, message);
      attempt.sentAt = step.now;
    }
    if (message.force) forceCancel(step, attempt);
  }
  return isRepeat && !message.force ? same(cell) : applied(cell);
}

/** 1.7, HOLD. A second pause changes nothing. */
function pause(step: Step, cell: Cell, message: Of<'pause'>): CommandOutcome {
  const held = cell.record.paused;
  if (cell.state === 'PAUSED' && held?.job !== true) return same(cell);
  if (isOpen(cell.state)) return refused(cell, 'RUN_STARTED');
  const { by, reason } = message;
  const extra = { actor: by, data: { reason } };
  // One that its job holds is held by the person now: it stays when the job goes on.
  const from = held?.from ?? cell.state;
  leaveLine(step, cell);
  cell.record.paused = { from, by, reason, at: step.now };
  if (cell.state === 'PAUSED') event(step, cell, 'PAUSED', extra);
  else move(step, cell, 'PAUSED', 'PAUSED', extra);
  save(step, cell);
  forget(step.state, cell.facts.id);
  return applied(cell);
}

/** 1.7, FREEZE. A second one changes nothing. */
function freezeRun(step: Step, cell: Cell, message: Of<'freeze'>): CommandOutcome {
  if (cell.facts.kind !== 'SHELL') return refused(cell, 'CANNOT_FREEZE');
  if (cell.state !== 'RUNNING') return refused(cell, 'RUN_NOT_RUNNING');
  return freeze(step, cell, message) ? applied(cell) : same(cell);
}

/** To where it was. */
function resume(step: Step, cell: Cell, message: Of<'resume'>): CommandOutcome {
  const { paused, given } = cell.record;
  const wasParked = unpark(step, cell);
  if (thaw(step, cell, message)) return applied(cell);
  if (wasParked && isOpen(cell.state)) {
    event(step, cell, 'RESUMED', { actor: message.by, data: { reason: message.reason } });
    save(step, cell);
    return applied(cell);
  }
  if (cell.state !== 'PAUSED' || paused === undefined) return refused(cell, 'RUN_NOT_PAUSED');
  if (wasParked && given !== undefined) {
    endAtOnce(step, cell, given);
    return applied(cell);
  }
  const isHeld = paused.job === true && heldBy(step.state, cell) !== undefined;
  if (isHeld) return refused(cell, 'JOB_PAUSED');
  goOn(step, cell, paused.from, { actor: message.by, data: { reason: message.reason } });
  if (wasParked) watchAgain(step, cell);
  return applied(cell);
}

/** Only before the first start: nothing that ran was another run than the one that is shown. */
function update(step: Step, cell: Cell, message: Of<'update'>): CommandOutcome {
  const { change, by, reason } = message;
  const hasStarted = isOpen(cell.state) || cell.attempt > 0 || cell.state === 'WAITING_RETRY';
  if (hasStarted) return refused(cell, 'RUN_STARTED');
  const { now } = step;
  const at = change.at ?? (change.afterMs === undefined ? undefined : now + change.afterMs);
  leaveLine(step, cell);
  amend(step, cell, change, at);
  const data = {
    reason,
    ...(change.priority === undefined ? {} : { priority: change.priority }),
    ...(at === undefined ? {} : { due: at }),
    ...(change.params === undefined ? {} : { params: true }),
    ...(change.labels === undefined ? {} : { labels: true }),
  };
  const extra = { actor: by, data };
  const due = cell.facts.due ?? 0;
  if (at !== undefined) cell.readyAt = null;
  if (cell.state === 'PAUSED') {
    event(step, cell, 'CHANGED', extra);
    save(step, cell);
    forget(step.state, cell.facts.id);
    return applied(cell);
  }
  const to = due > now ? 'SCHEDULED' : 'READY';
  if (to === cell.state) event(step, cell, 'CHANGED', extra);
  else move(step, cell, to, 'CHANGED', extra);
  if (to === 'SCHEDULED') waitUntil(step, cell, due);
  else makeReady(step, cell, cell.readyAt ?? now);
  save(step, cell);
  return applied(cell);
}

/** A start deadline counts from the time that the run may start. */
function amend(step: Step, cell: Cell, change: RunChange, at: number | undefined): void {
  const { facts } = cell;
  const from = facts.due ?? facts.submittedAt;
  const due = at ?? facts.due;
  const deadlineMs = facts.expires === null ? null : facts.expires - from;
  const expires = deadlineMs === null ? null : (due ?? facts.submittedAt) + deadlineMs;
  if (expires !== facts.expires && facts.expires !== null) {
    step.state.expiries.remove({ id: facts.id, rank: facts.expires });
  }
  cell.facts = {
    ...facts,
    priority: change.priority ?? facts.priority,
    due,
    expires,
    // Too long for memory or not: an assignment reads it by the run's id. What comes of them is
    // no result of the params that it was submitted with.
    ...(change.params === undefined ? {} : { params: undefined, cache: null }),
  };
  if (expires !== facts.expires) watchExpiry(step.state, cell);
  commit(step, {
    kind: 'amend',
    run: facts.id,
    priority: cell.facts.priority,
    due,
    expires,
    params: change.params ?? null,
    labels: change.labels ?? null,
  });
}

function mark(step: Step, cell: Cell, message: Of<'mark'>): CommandOutcome {
  const { as, by, reason, result } = message;
  if (isOpen(cell.state)) return refused(cell, 'RUN_STARTED');
  event(step, cell, 'MARKED', { actor: by, data: { as, reason } });
  const outcome = as === 'SUCCEEDED' ? as : null;
  finish(step, cell, as, { outcome, reason, result, actor: by });
  return applied(cell);
}

function leaveLine(step: Step, cell: Cell): void {
  if (cell.state === 'READY') step.emit({ to: 'pool', soft: { kind: 'withdraw', cell } });
  dequeue(step, cell);
  cell.lane = null;
}

function beginCancel(step: Step, cell: Cell, command: Of<'cancel'>): void {
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
  // What is told to stop stands still no more.
  delete cell.record.freeze;
  save(step, cell);
  if (cell.token !== null) {
    perform(step, { kind: 'stop', token: cell.token, graceMs, why: command.reason });
  }
}

/** `force` does not wait for an executor that is away (1.6); a present one is told to stop. */
function forceCancel(step: Step, attempt: OpenAttempt): void {
  const { cell } = attempt;
  if (cell.record.cancel === undefined) return;
  cell.record.cancel = { ...cell.record.cancel, force: true };
  save(step, cell);
  if (attempt.isAway) loseAt(step, attempt, step.now);
}

function answer(step: Step, command: Command, outcome: CommandOutcome): void {
  commit(step, { kind: 'answer', command: command.inbox, outcome });
}

/** A command whose run was looked up: final, unknown, or now in memory. */
export function answerAbsent(
  step: Step,
  command: Command,
  message: Extract<PartitionMessage, { kind: 'fetched' }>,
): void {
  if (step.state.applied.has(command.inbox)) return;
  consume(step, command);
  const { final } = message;
  if (final === null) answer(step, command, { ok: false, code: 'NOT_FOUND', state: null });
  else if (command.kind === 'discard') answer(step, command, discard(step, command, final));
  else answer(step, command, refused(final, 'RUN_FINAL'));
}

/** 5.3: it stays as it is, with all that it has; it is no dead letter any more. */
function discard(step: Step, command: Of<'discard'>, final: FinalRun): CommandOutcome {
  if (final.state !== 'DEAD') return refused(final, 'RUN_NOT_DEAD');
  const { run, by, reason } = command;
  const { state, now } = step;
  commit(step, { kind: 'discard', run, by, reason });
  commit(step, {
    kind: 'event',
    event: {
      seq: ++state.head,
      at: now,
      type: 'CHANGED',
      run,
      project: final.project,
      job: final.job,
      from: null,
      to: null,
      attempt: 0,
      executor: null,
      actor: by,
      data: { discarded: true, reason },
    },
  });
  return { ok: true, state: final.state };
}
