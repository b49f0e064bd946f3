import type { Millis } from '../kernel/machine.js';
import { type Policy, LANE_TIMED, deadlineOf, sameToken } from '../run/run.js';
import { stoppedAfterMs } from '../run/stop-after.js';
import type { PartitionMessage } from './messages.js';
import { type OpenAttempt, type Step, commit, fetchThen, perform, refillWhenLow } from './state.js';
import { loseAt } from './attempts.js';
import { restateFreeze } from './freeze.js';
import { sweepHeld } from './holds.js';
import { wakeBenched } from './parking.js';
import { lose } from './reports.js';
import { event, finish, makeReady, move, save } from './transitions.js';

/** Fires what is due, in order: deadlines, retries and planned starts, silence, resends. */
export function tick(step: Step): void {
  for (const phase of [wakeBenched, fireExpiries, fireDue, fireAlarms, sweepHeld, resend]) {
    step.run = null;
    phase(step);
  }
}

/** When `tick` has something to do next, or null. The shell arms one timer a thread by it. */
export function nextDue(step: Pick<Step, 'state'>): number | null {
  if (step.state.unswept) return 0;
  const next = Math.min(
    step.state.lanes.get(LANE_TIMED)?.window.first()?.rank ?? Number.POSITIVE_INFINITY,
    step.state.expiries.first()?.rank ?? Number.POSITIVE_INFINITY,
    step.state.alarms.peek()?.at ?? Number.POSITIVE_INFINITY,
  );
  return next === Number.POSITIVE_INFINITY ? null : next;
}

function fireDue(step: Step): void {
  const { state, now } = step;
  const lane = state.lanes.get(LANE_TIMED);
  if (lane === undefined) return;
  for (let head = lane.window.first(); head !== undefined; head = lane.window.first()) {
    if (head.rank > now || step.budget <= 0) break;
    lane.window.shift();
    const { cell } = head;
    step.run = head.id;
    if (cell.state !== 'SCHEDULED' && cell.state !== 'WAITING_RETRY') continue;
    commit(step, { kind: 'fired', planned: head.rank });
    move(step, cell, 'READY', 'READY');
    makeReady(step, cell, head.rank);
    save(step, cell);
  }
  step.run = null;
  refillWhenLow(step, LANE_TIMED, lane);
  if (lane.window.size === 0 && lane.window.complete && !lane.refilling) {
    state.lanes.delete(LANE_TIMED);
  }
}

function fireExpiries(step: Step): void {
  const { state, now } = step;
  for (let head = state.expiries.first(); head !== undefined; head = state.expiries.first()) {
    if (head.rank > now || step.budget <= 0) break;
    state.expiries.shift();
    state.expiriesAfter = head.rank;
    step.budget--;
    step.run = head.id;
    if (state.cells.has(head.id)) expire(step, head.id);
    else fetchThen(step, head.id, { kind: 'expire', run: head.id });
  }
  const { expiries } = state;
  if (
    expiries.complete ||
    state.expiriesRefilling ||
    expiries.size >= step.state.limits.expiries / 4
  )
    return;
  refillExpiries(step);
}

export function refillExpiries(step: Step): void {
  const { state } = step;
  state.expiriesRefilling = true;
  state.expiriesSpilled = null;
  perform(step, { kind: 'refill-expiries', after: state.expiriesAfter });
}

const WAITS: ReadonlySet<string> = new Set([
  'SCHEDULED',
  'READY',
  'BLOCKED',
  'PAUSED',
  'WAITING_RETRY',
]);

/**
 * 1.8: a run that has not started by its start deadline is EXPIRED; one that has not ended by its
 * deadline is DEAD. What has an open attempt has an alarm of its own.
 */
export function expire(step: Step, run: string): void {
  const cell = step.state.cells.get(run);
  if (cell === undefined || cell.facts.expires === null || cell.facts.expires > step.now) return;
  if (!WAITS.has(cell.state)) return;
  const deadline = deadlineOf(cell.facts);
  const isOver = deadline !== null && deadline <= step.now;
  if (!isOver && (cell.spent > 0 || cell.state === 'WAITING_RETRY')) return;
  if (cell.state === 'READY') step.emit({ to: 'pool', soft: { kind: 'withdraw', cell } });
  commit(step, { kind: 'fired', planned: cell.facts.expires });
  if (isOver) {
    finish(step, cell, 'DEAD', { outcome: 'TIMED_OUT', reason: OVER });
    return;
  }
  finish(step, cell, 'EXPIRED', {
    outcome: null,
    reason: 'it did not start before its start deadline',
  });
}

const OVER = 'its deadline passed before it had ended';

function fireAlarms(step: Step): void {
  const { state, now } = step;
  for (let head = state.alarms.peek(); head !== undefined; head = state.alarms.peek()) {
    if (head.at > now || step.budget <= 0) return;
    state.alarms.pop();
    step.run = head.run;
    const attempt = state.open.get(head.run);
    const token = attempt?.cell.token;
    if (attempt === undefined || token === null || token === undefined) continue;
    if (!sameToken(token, head.token)) continue;
    if (head.what === 'lost') {
      const isDue = attempt.lostAt !== null && attempt.lostAt <= now;
      if (isDue && (!attempt.isHeld || isForced(attempt))) {
        lose(step, attempt.cell, 'its executor was silent for too long');
      }
    } else if (head.what === 'deadline') {
      stopAt(step, attempt, OVER, true);
    } else if (attempt.timeoutAt !== null && attempt.timeoutAt <= now) {
      stopAt(step, attempt, 'the attempt ran longer than its timeout', false);
    }
  }
}

/**
 * The executor enforces its own time-out: this is the backstop when it did not, and the whole
 * deadline, which only the owner knows of.
 */
function stopAt(step: Step, attempt: OpenAttempt, reason: string, isLast: boolean): void {
  const { cell } = attempt;
  const { token } = cell;
  const stops = cell.state === 'RUNNING' || cell.state === 'UNKNOWN';
  // A deadline also ends what was granted, and what is stopped already for another reason.
  const ends = isLast && (cell.state === 'GRANTED' || cell.state === 'CANCELLING');
  if (token === null || !(stops || ends)) return;
  if (cell.record.cancel?.outcome === 'CANCELLED') return;
  const { graceMs } = cell.facts.policy;
  cell.record.cancel = {
    outcome: 'TIMED_OUT',
    reason,
    by: 'orrery',
    at: step.now,
    graceMs,
    ...(isLast ? { isLast } : {}),
  };
  attempt.sentAt = step.now;
  // What is told to stop stands still no more.
  delete cell.record.freeze;
  if (cell.state === 'CANCELLING') event(step, cell, 'CANCEL_REQUESTED', { actor: 'orrery' });
  else move(step, cell, 'CANCELLING', 'CANCEL_REQUESTED', { actor: 'orrery' });
  save(step, cell);
  perform(step, { kind: 'stop', token, graceMs, why: 'timeout' });
}

/** Grants that nobody claimed and cancels that nobody confirmed are restated; silence is not. */
function resend(step: Step): void {
  for (const attempt of step.state.open.values()) {
    const { cell } = attempt;
    step.run = cell.facts.id;
    if (cell.token === null || attempt.isAway) continue;
    restateFreeze(step, attempt);
    if (step.now - attempt.sentAt < step.state.limits.resendMs) continue;
    if (cell.state === 'GRANTED' && !attempt.claimed) {
      attempt.sentAt = step.now;
      perform(step, { kind: 'assign', cell, token: cell.token });
    } else if (cell.state === 'CANCELLING') {
      attempt.sentAt = step.now;
      const cancel = cell.record.cancel;
      perform(step, {
        kind: 'stop',
        token: cell.token,
        graceMs: cancel?.graceMs ?? cell.facts.policy.graceMs,
        why: cancel?.reason ?? 'cancelled',
      });
    }
  }
}

/**
 * 3.1: the executor's GRANTED and RUNNING runs are UNKNOWN; LOST follows after `lostAfter`, or when
 * it is held no more.
 */
export function silent(
  step: Step,
  { executor, isHeld, unheardMs }: Extract<PartitionMessage, { kind: 'silent' }>,
): void {
  const { state, now } = step;
  for (const run of state.byExecutor.get(executor) ?? []) {
    step.run = run;
    const attempt = state.open.get(run);
    if (attempt === undefined) continue;
    // It was heard: its silence begins now.
    if (attempt.isBack) attempt.lostAt = null;
    attempt.isBack = false;
    const isLetGo = attempt.isHeld && !isHeld;
    attempt.isHeld = isHeld;
    if (attempt.lostAt !== null) {
      // Its alarm may have rung while it was held.
      if (isLetGo) loseAt(step, attempt, attempt.lostAt);
      continue;
    }
    const { cell } = attempt;
    const { policy } = cell.facts;
    if (cell.state === 'GRANTED' || cell.state === 'RUNNING') {
      move(step, cell, 'UNKNOWN', 'SILENT');
      save(step, cell);
    }
    attempt.isAway = true;
    if (isForced(attempt)) loseAt(step, attempt, now);
    else
      loseAt(step, attempt, policy.lostAfterMs === null ? null : now + lostIn(policy, unheardMs));
  }
}

/** A last will comes at once: not before the executor, if it is cut off, has stopped it (3.6). */
function lostIn(policy: Policy, unheardMs: Millis): Millis {
  const stoppedIn = stoppedAfterMs(policy) - unheardMs;
  return Math.max(policy.lostAfterMs ?? 0, stoppedIn);
}

const isForced = ({ cell }: OpenAttempt): boolean => cell.record.cancel?.force === true;

/** 3.2: the clocks of those that are silent stop, and start anew when that is told again. */
export function deaf({ state }: Step): void {
  // Also one that has run out: it may have done so while we could not hear.
  for (const attempt of state.open.values()) if (!isForced(attempt)) attempt.lostAt = null;
}

/** So long it may take to say what became of the attempt. */
function hear(step: Step, attempt: OpenAttempt): void {
  attempt.isHeld = false;
  if (attempt.isBack || attempt.lostAt === null || isForced(attempt)) return;
  attempt.isBack = true;
  const { lostAfterMs } = attempt.cell.facts.policy;
  loseAt(step, attempt, lostAfterMs === null ? null : step.now + lostAfterMs);
}

/** The executor is there: UNKNOWN is asked for; an older incarnation's attempts are LOST. */
export function heard(step: Step, executor: string, incarnation: number): void {
  const { state } = step;
  let ask = false;
  for (const run of [...(state.byExecutor.get(executor) ?? [])]) {
    step.run = run;
    const attempt = state.open.get(run);
    const token = attempt?.cell.token;
    if (attempt === undefined || token === null || token === undefined) continue;
    if (token.incarnation < incarnation) lose(step, attempt.cell, 'its executor lost its disk');
    else if (attempt.isAway) {
      ask = true;
      hear(step, attempt);
    }
  }
  if (ask) perform(step, { kind: 'ask-digest', executor });
}
