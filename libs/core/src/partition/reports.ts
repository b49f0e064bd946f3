import type { Millis } from '../kernel/machine.js';
import {
  type Cell,
  type RunError,
  type RunState,
  type Token,
  comparePlace,
  sameToken,
} from '../run/run.js';
import { EXECUTOR_DIED, poisonOf } from '../retry/poison.js';
import { foundAgain } from './attempt-record.js';
import { bounced, endAttempt, cameBack, toRunning } from './attempts.js';
import { froze } from './freeze.js';
import type { Digest, Report, ResultReport } from './messages.js';
import { type OpenAttempt, type Step, fetchThen, perform, tokenKey } from './state.js';
import { event, finish, move, save } from './transitions.js';

/** A token of an epoch above ours was granted by a newer owner: we are displaced (§6, Zombies). */
function isAboveUs(step: Step, token: Token): boolean {
  if (token.epoch <= step.state.epoch) return false;
  step.emit({ to: 'owner', displaced: { kind: 'displaced', epoch: token.epoch } });
  return true;
}

export function report(step: Step, message: Report): void {
  const { token } = message;
  if (isAboveUs(step, token)) return;
  const { state } = step;
  const attempt = state.open.get(token.run);
  if (attempt !== undefined && attempt.cell.token !== null) {
    if (sameToken(attempt.cell.token, token)) current(step, attempt, message);
    else {
      if (message.kind === 'result' && attachDeath(attempt.cell, message)) save(step, attempt.cell);
      stale(step, message);
    }
    return;
  }
  if (message.kind !== 'result' && message.kind !== 'bounce') {
    stale(step, message);
    return;
  }
  const cell = state.cells.get(token.run);
  if (cell !== undefined) {
    lateResult(step, cell, message);
    return;
  }
  if (state.closed.has(tokenKey(token))) stale(step, message);
  else fetchThen(step, token.run, message);
}

/** The word of the executor that holds the open attempt. */
function current(step: Step, attempt: OpenAttempt, message: Report): void {
  const { cell } = attempt;
  switch (message.kind) {
    case 'claimed':
      attempt.claimed = true;
      return;
    case 'started':
      attempt.claimed = true;
      if (cell.state === 'GRANTED' || cell.state === 'UNKNOWN') {
        toRunning(step, attempt, message.agoMs);
        save(step, cell);
      } else if (cell.state === 'CANCELLING' && cell.startedAt === null) {
        toRunning(step, attempt, message.agoMs);
        save(step, cell);
      }
      return;
    case 'progress':
      cell.record.progress = { percent: message.percent, message: message.message, at: step.now };
      event(step, cell, 'PROGRESSED', {
        data: { percent: message.percent, message: message.message },
      });
      save(step, cell);
      return;
    case 'froze':
      froze(step, attempt, message.seq);
      return;
    case 'result':
      result(step, attempt, message);
      return;
    case 'bounce':
      acknowledge(step, message);
      bounced(step, cell, message.reason);
      return;
    default: {
      const never: never = message;
      return never;
    }
  }
}

function result(step: Step, attempt: OpenAttempt, message: ResultReport): void {
  const { cell } = attempt;
  acknowledge(step, message);
  // A start and a result in one slice make both events (1.1).
  if (message.startedAgoMs !== null && cell.startedAt === null) {
    toRunning(step, attempt, message.startedAgoMs);
  }
  // Nobody has cancelled it, and it had not begun: its executor is drained, and gives it back.
  if (message.outcome === 'CANCELLED' && cell.startedAt === null && cell.state !== 'CANCELLING') {
    bounced(step, cell, 'its executor is drained');
    return;
  }
  const error = runErrorOf(message);
  endAttempt(step, cell, {
    outcome: message.outcome,
    finishedAt: Math.max(cell.startedAt ?? 0, agoAt(step, message.finishedAgoMs)),
    report: message,
    ...(error === undefined ? {} : { error }),
  });
}

/** Durations are never negative, whatever a clock of an executor says (2.6). */
const agoAt = ({ now }: Step, agoMs: Millis): Millis => now - Math.max(0, agoMs);

export function runErrorOf(message: ResultReport): RunError | undefined {
  const { error } = message;
  if (error === null) return undefined;
  return {
    class: error.class,
    message: error.message,
    ...(error.code === null ? {} : { code: error.code }),
    ...(error.stack === null ? {} : { stack: error.stack }),
  };
}

/** What is lost waits for its next attempt; a pause keeps it from starting, not from ending. */
const WAITS_AGAIN: ReadonlySet<RunState> = new Set([
  ...(['WAITING_RETRY', 'BLOCKED', 'READY', 'PAUSED'] as const),
]);

/**
 * 3.7: what was given up as silent is told by its executor, which is back, to have ended with its
 * process. That changes nothing but what is known of the attempt.
 */
function attachDeath({ record }: Cell, { token, error, outcome }: ResultReport): boolean {
  if (outcome !== 'LOST' || error?.code !== EXECUTOR_DIED) return false;
  const known = record.attempts.findLast(({ number }) => number === token.attempt);
  if (known?.outcome !== 'LOST' || known.executor !== token.executor) return false;
  const { class: name, message, code } = error;
  record.attempts[record.attempts.indexOf(known)] = {
    ...known,
    error: { class: name, message, code },
  };
  return true;
}

/** 1.4: only an attempt that ended by silence takes a late result, while none newer is granted. */
function lateResult(
  step: Step,
  cell: Cell,
  message: Extract<Report, { kind: 'result' | 'bounce' }>,
): void {
  acknowledge(step, message);
  const { lost } = cell.record;
  if (lost === undefined || !sameToken(lost, message.token)) return;
  if (message.kind !== 'result' || !WAITS_AGAIN.has(cell.state)) return;
  if (attachDeath(cell, message)) {
    save(step, cell);
    const poison = poisonOf(cell.record.attempts);
    if (poison === undefined) return;
    if (cell.state === 'READY') step.emit({ to: 'pool', soft: { kind: 'withdraw', cell } });
    const error = runErrorOf(message) ?? null;
    finish(step, cell, 'DEAD', { outcome: 'LOST', reason: poison, error });
    return;
  }
  if (message.outcome !== 'SUCCEEDED') return;
  if (cell.state === 'READY') step.emit({ to: 'pool', soft: { kind: 'withdraw', cell } });
  event(step, cell, 'LATE_RESULT', { data: { outcome: message.outcome } });
  cell.token = lost;
  const notBefore = cell.record.grantedAt ?? 0;
  if (message.startedAgoMs !== null) {
    cell.startedAt = Math.max(notBefore, agoAt(step, message.startedAgoMs));
  }
  const ended = agoAt(step, message.finishedAgoMs);
  const finishedAt = Math.max(notBefore, cell.startedAt ?? 0, ended);
  foundAgain(cell, lost, { outcome: message.outcome, finishedAt, report: message });
  finish(step, cell, 'SUCCEEDED', {
    outcome: 'SUCCEEDED',
    result: message.result,
    isFresh: true,
  });
}

/**
 * Another token's word changes nothing: an end is acknowledged so that its sender forgets it, and
 * what goes on is told to stop (3.3), whether or not its executor was ever missed.
 */
export function stale(step: Step, message: Report): void {
  if (message.kind === 'result' || message.kind === 'bounce') acknowledge(step, message);
  else perform(step, { kind: 'stop', token: message.token, graceMs: 0, why: 'superseded' });
}

function acknowledge(step: Step, message: Extract<Report, { kind: 'result' | 'bounce' }>): void {
  perform(step, { kind: 'ack', token: message.token, of: message.kind });
}

/**
 * A digest is everything the executor holds of this partition, and a promise to refuse every token
 * up to its watermark that it does not list (§6). It settles what silence left open.
 */
export function digest(step: Step, message: Digest): void {
  const { state } = step;
  if (message.entries.some((entry) => isAboveUs(step, entry.token))) return;
  if (message.watermark.epoch > state.epoch) {
    step.emit({
      to: 'owner',
      displaced: { kind: 'displaced', epoch: message.watermark.epoch },
    });
    return;
  }
  const listed = new Map(message.entries.map((entry) => [tokenKey(entry.token), entry.phase]));
  for (const run of [...(state.byExecutor.get(message.executor) ?? [])]) {
    step.run = run;
    const attempt = state.open.get(run);
    if (attempt === undefined || attempt.cell.token === null) continue;
    const token = attempt.cell.token;
    if (token.incarnation > message.incarnation) continue;
    if (token.incarnation < message.incarnation)
      lose(step, attempt.cell, 'its executor lost its disk');
    else
      judge(
        step,
        attempt,
        listed.get(tokenKey(token)),
        comparePlace(token, message.watermark) <= 0,
      );
  }
  for (const { token, phase } of message.entries) {
    const open = state.open.get(token.run)?.cell.token;
    const isCurrent = open !== undefined && open !== null && sameToken(open, token);
    if (!isCurrent && phase !== 'ended' && !state.benched.has(token.run)) {
      perform(step, { kind: 'stop', token, graceMs: 0, why: 'superseded' });
    }
  }
  perform(step, { kind: 'digested', executor: message.executor, watermark: message.watermark });
}

function judge(
  step: Step,
  attempt: OpenAttempt,
  phase: 'accepted' | 'started' | 'ended' | undefined,
  promised: boolean,
): void {
  const { cell } = attempt;
  cameBack(attempt);
  if (phase === undefined && promised) {
    // It had started: only a token that never does may be given to another as a bounce.
    if (cell.startedAt !== null) lose(step, cell, 'its executor no longer has it');
    else bounced(step, cell, 'its executor will not take it');
    return;
  }
  if (phase !== undefined) attempt.claimed = true;
  if (phase === 'started' && (cell.state === 'GRANTED' || cell.startedAt === null)) {
    const wasUnknown = cell.state === 'UNKNOWN';
    if (wasUnknown) move(step, cell, 'GRANTED', 'HEARD');
    toRunning(step, attempt, 0);
    save(step, cell);
    return;
  }
  if (cell.state !== 'UNKNOWN') return;
  move(step, cell, cell.startedAt === null ? 'GRANTED' : 'RUNNING', 'HEARD');
  if (phase === undefined) attempt.sentAt = 0;
  save(step, cell);
}

/** Nobody knows what became of the attempt: it is over, as LOST. */
export function lose(step: Step, cell: Cell, why: string): void {
  endAttempt(step, cell, {
    outcome: 'LOST',
    finishedAt: step.now,
    error: { class: 'LOST', message: why },
  });
}
