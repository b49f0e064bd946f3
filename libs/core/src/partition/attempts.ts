import { type AttemptEnd, attemptOf } from './attempt-record.js';
import { decideRetry } from '../retry/decide.js';
import { poisonOf } from '../retry/poison.js';
import { type Cell, type Token, deadlineOf } from '../run/run.js';
import {
  type OpenAttempt,
  type Step,
  commit,
  perform,
  remember,
  tellPool,
  tokenKey,
  watchExpiry,
} from './state.js';
import type { Millis } from '../kernel/machine.js';
import { addAlarm } from './alarms.js';
import { event, finish, move, queueReady, save, waitUntil } from './transitions.js';

export function addOpen(step: Step, cell: Cell, claimed: boolean): OpenAttempt {
  const { state, now } = step;
  const token = cell.token as Token;
  const attempt: OpenAttempt = {
    cell,
    claimed,
    sentAt: now,
    lostAt: null,
    isHeld: false,
    isAway: cell.state === 'UNKNOWN',
    isBack: false,
    timeoutAt: null,
    // Whether its executor has heard of it is not known to a new owner.
    freezeSentAt: cell.record.freeze === undefined ? null : 0,
  };
  state.open.set(cell.facts.id, attempt);
  const deadline = deadlineOf(cell.facts);
  if (deadline !== null)
    addAlarm(state, { at: deadline, run: cell.facts.id, token, what: 'deadline' });
  state.cells.set(cell.facts.id, cell);
  let runs = state.byExecutor.get(token.executor);
  if (runs === undefined) {
    runs = new Set();
    state.byExecutor.set(token.executor, runs);
  }
  runs.add(cell.facts.id);
  return attempt;
}

/** As a new owner finds it: it is not known what its executor has heard. */
export function reopen(step: Step, cell: Cell): void {
  const attempt = addOpen(step, cell, false);
  attempt.sentAt = 0;
  if (cell.startedAt !== null) armTimeout(step, attempt);
}

/** `isClosed`: nothing more of this token counts. One that ended by silence may yet be heard of. */
function removeOpen(step: Step, cell: Cell, isClosed: boolean): void {
  const { state } = step;
  const token = cell.token as Token;
  state.open.delete(cell.facts.id);
  delete cell.record.freeze;
  delete cell.record.thawedAt;
  const runs = state.byExecutor.get(token.executor);
  runs?.delete(cell.facts.id);
  if (runs?.size === 0) state.byExecutor.delete(token.executor);
  if (isClosed) remember(state.closed, tokenKey(token), step.state.limits.closed);
  perform(step, { kind: 'closed', token });
}

/** The backstop behind the executor's own time-out: it may be late by its grace and a little. */
const BACKSTOP_SLACK_MS = 5_000;

export function armTimeout(step: Step, attempt: OpenAttempt): void {
  const { cell } = attempt;
  const { timeoutMs, graceMs } = cell.facts.policy;
  attempt.timeoutAt = null;
  // Also while it is not known that a thaw was heard.
  if (cell.record.freeze !== undefined) return;
  const began = Math.max(cell.startedAt ?? step.now, cell.record.thawedAt ?? 0);
  attempt.timeoutAt = began + timeoutMs + graceMs + BACKSTOP_SLACK_MS;
  addAlarm(step.state, {
    at: attempt.timeoutAt,
    run: cell.facts.id,
    token: cell.token as Token,
    what: 'timeout',
  });
}

/** Unless it is heard before. Null: never. */
export function loseAt({ state }: Step, attempt: OpenAttempt, at: Millis | null): void {
  const { facts, token } = attempt.cell;
  attempt.lostAt = at;
  if (at !== null && token !== null) addAlarm(state, { at, run: facts.id, token, what: 'lost' });
}

/** Its executor has said what it does with it. */
export function cameBack(attempt: OpenAttempt): void {
  attempt.lostAt = null;
  attempt.isHeld = false;
  attempt.isAway = false;
  attempt.isBack = false;
}

export function toRunning(step: Step, attempt: OpenAttempt, startedAgoMs: number): void {
  const { cell } = attempt;
  attempt.claimed = true;
  cameBack(attempt);
  cell.startedAt = Math.max(cell.record.grantedAt ?? 0, step.now - Math.max(0, startedAgoMs));
  if (cell.state !== 'CANCELLING') move(step, cell, 'RUNNING', 'STARTED');
  const { dedup, policy } = cell.facts;
  if (dedup !== null && policy.dedupWhileQueued === true) commit(step, { kind: 'release', cell });
  armTimeout(step, attempt);
}

function recordAttempt(step: Step, cell: Cell, token: Token, end: AttemptEnd): void {
  const { record } = cell;
  record.attempts.push(attemptOf(cell, token, end));
  if (record.attempts.length > step.state.limits.attemptsKept) {
    record.attempts.shift();
    record.dropped = (record.dropped ?? 0) + 1;
  }
}

/** The attempt is over, whatever came of it; the run goes on to its next state. */
export function endAttempt(step: Step, cell: Cell, end: AttemptEnd): void {
  const token = cell.token as Token;
  recordAttempt(step, cell, token, end);
  removeOpen(step, cell, end.outcome !== 'LOST');
  tellPool(step, {
    kind: 'freed',
    pool: cell.facts.pool,
    run: cell.facts.id,
    executor: token.executor,
  });
  const decided = cell.state === 'CANCELLING' ? cell.record.cancel : undefined;
  if (decided !== undefined) {
    if (end.outcome === 'SUCCEEDED') {
      event(step, cell, 'LATE_RESULT', { data: { outcome: end.outcome } });
    }
    if (decided.outcome === 'CANCELLED') {
      finish(step, cell, 'CANCELLED', {
        outcome: 'CANCELLED',
        reason: decided.reason,
        actor: decided.by,
      });
      return;
    }
    if (decided.isLast === true) {
      finish(step, cell, 'DEAD', { outcome: 'TIMED_OUT', reason: decided.reason });
      return;
    }
    retryOrDie(step, cell, { ...end, outcome: decided.outcome }, token);
    return;
  }
  if (end.outcome === 'SUCCEEDED') {
    finish(step, cell, 'SUCCEEDED', {
      outcome: 'SUCCEEDED',
      result: end.report?.result ?? null,
      isFresh: true,
    });
    return;
  }
  if (end.outcome === 'CANCELLED') {
    // Nobody here asked for it: the executor was stopped or its operator cancelled.
    retryOrDie(step, cell, { ...end, outcome: 'FAILED', isGivenUp: true }, token);
    return;
  }
  retryOrDie(step, cell, end, token);
}

function retryOrDie(step: Step, cell: Cell, end: AttemptEnd, token: Token): void {
  const { retry } = cell.facts.policy;
  delete cell.record.cancel;
  const word = end.outcome.toLowerCase().replace('_', ' ');
  const why = end.error === undefined ? word : `${word}: ${end.error.message}`;
  const decision = decideRetry(
    cell.facts.policy,
    { all: cell.spent, byClass: cell.record.spentBy ?? {} },
    {
      outcome: end.outcome,
      exitCode: end.report?.exitCode ?? null,
      error: end.error ?? null,
      retryMs: end.report?.error?.retryMs ?? null,
      isGivenUp: end.isGivenUp === true,
    },
    token,
  );
  const { spends } = decision;
  if (spends !== null) {
    cell.spent++;
    if (retry.budgets !== undefined) {
      const spentBy = cell.record.spentBy ?? {};
      cell.record.spentBy = { ...spentBy, [spends]: (spentBy[spends] ?? 0) + 1 };
    }
  }
  const deadline = deadlineOf(cell.facts);
  const poison = poisonOf(cell.record.attempts);
  if (poison !== undefined) {
    finish(step, cell, 'DEAD', { outcome: end.outcome, reason: poison, error: end.error ?? null });
    return;
  }
  const isTooLate =
    decision.kind === 'retry' && deadline !== null && step.now + decision.delayMs >= deadline;
  if (decision.kind === 'dead' || isTooLate) {
    const last = decision.kind === 'dead' ? decision.why : 'its deadline is before the next one';
    finish(step, cell, 'DEAD', {
      outcome: end.outcome,
      reason: `attempt ${cell.attempt} ${why} (${last})`,
      error: end.error ?? null,
    });
    return;
  }
  const { delayMs } = decision;
  const due = step.now + delayMs;
  move(step, cell, 'WAITING_RETRY', 'ATTEMPT_ENDED', {
    data: {
      outcome: end.outcome,
      ...(end.error === undefined ? {} : { error: end.error.message }),
    },
  });
  event(step, cell, 'RETRY_SCHEDULED', {
    data: { due, delayMs, attempt: cell.attempt + 1, of: retry.maxAttempts },
  });
  // An attempt that ended by silence may still be heard of (1.4); any other token is closed.
  if (end.outcome === 'LOST') cell.record.lost = token;
  cell.token = null;
  cell.startedAt = null;
  cell.record.reason = why;
  waitUntil(step, cell, due);
  expireAtDeadline(step, cell, deadline);
  save(step, cell);
}

/** Once it has started, only the whole deadline can end it while it waits. */
function expireAtDeadline(step: Step, cell: Cell, deadline: number | null): void {
  const { facts } = cell;
  if (facts.expires === deadline) return;
  if (facts.expires !== null) {
    step.state.expiries.remove({ id: facts.id, rank: facts.expires });
  }
  const startable = facts.due ?? facts.submittedAt;
  cell.record.startDeadlineMs = facts.expires === null ? null : facts.expires - startable;
  cell.facts = { ...facts, expires: deadline };
  watchExpiry(step.state, cell);
  const { id: run, priority, due } = facts;
  commit(step, {
    kind: 'amend',
    run,
    priority,
    due,
    expires: deadline,
    params: null,
    labels: null,
  });
}

/** The attempt did not begin: no attempt is spent, the run keeps its place (1.5). */
export function bounced(step: Step, cell: Cell, reason: string): void {
  const token = cell.token as Token;
  removeOpen(step, cell, true);
  const [count] = cell.record.bounces?.[token.executor] ?? [0, 0];
  const next = count + 1;
  const until = next >= step.state.limits.bounces ? step.now + step.state.limits.avoidMs : 0;
  cell.record.bounces = { ...cell.record.bounces, [token.executor]: [next, until] };
  tellPool(step, {
    kind: 'bounced',
    pool: cell.facts.pool,
    run: cell.facts.id,
    executor: token.executor,
  });
  if (cell.state === 'CANCELLING') {
    const decided = cell.record.cancel;
    if (decided?.isLast === true) {
      finish(step, cell, 'DEAD', { outcome: 'TIMED_OUT', reason: decided.reason });
      return;
    }
    finish(step, cell, 'CANCELLED', {
      outcome: 'CANCELLED',
      reason: decided?.reason ?? reason,
      ...(decided === undefined ? {} : { actor: decided.by }),
    });
    return;
  }
  move(step, cell, 'READY', 'BOUNCED', { data: { executor: token.executor, reason } });
  cell.token = null;
  cell.attempt--;
  // Its start deadline may have passed while it was granted.
  watchExpiry(step.state, cell);
  queueReady(step, cell);
  save(step, cell);
}
