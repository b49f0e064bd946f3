import { type Cell, isFrozen } from '../run/run.js';
import { armTimeout } from './attempts.js';
import { type OpenAttempt, type Step, perform } from './state.js';
import { event, save } from './transitions.js';

interface Who {
  readonly by: string;
  readonly reason: string;
}

/**
 * 1.7, FREEZE: the run stays RUNNING, its attempt is open and holds its slot; `record.freeze` is
 * what its executor is told, again and again until it confirms (decision 20).
 */
export function freeze(step: Step, cell: Cell, who: Who): boolean {
  if (isFrozen(cell.record)) return false;
  say(step, cell, who, true);
  return true;
}

/** false: it is not frozen. */
export function thaw(step: Step, cell: Cell, who: Who): boolean {
  if (!isFrozen(cell.record)) return false;
  cell.record.thawedAt = step.now;
  say(step, cell, who, false);
  return true;
}

function say(step: Step, cell: Cell, { by, reason }: Who, on: boolean): void {
  const data = { how: 'FREEZE', reason };
  const seq = event(step, cell, on ? 'PAUSED' : 'RESUMED', { actor: by, data });
  cell.record.freeze = { on, seq, by, reason, at: step.now };
  const attempt = step.state.open.get(cell.facts.id);
  if (attempt !== undefined) {
    armTimeout(step, attempt);
    tell(step, attempt);
  }
  save(step, cell);
}

/** A level: it is restated, also by the next owner, until it is confirmed. */
export function restateFreeze(step: Step, attempt: OpenAttempt): void {
  const { freezeSentAt } = attempt;
  if (freezeSentAt === null || step.now - freezeSentAt < step.state.limits.resendMs) return;
  tell(step, attempt);
}

function tell(step: Step, attempt: OpenAttempt): void {
  const { token, record } = attempt.cell;
  if (token === null || record.freeze === undefined) return;
  attempt.freezeSentAt = step.now;
  const { on, seq } = record.freeze;
  perform(step, { kind: 'freeze', token, on, seq });
}

/** Its executor has done what was said at `seq`. */
export function froze(step: Step, attempt: OpenAttempt, seq: number): void {
  const { cell } = attempt;
  const said = cell.record.freeze;
  if (said === undefined || said.seq !== seq) return;
  attempt.freezeSentAt = null;
  if (said.on) return;
  delete cell.record.freeze;
  cell.record.thawedAt = step.now;
  armTimeout(step, attempt);
  save(step, cell);
}
