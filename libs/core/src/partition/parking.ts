import { type Cell, isOpen } from '../run/run.js';
import { reopen } from './attempts.js';
import { type PartitionMessage, isCommand } from './messages.js';
import { type PartitionState, type Step, fetchThen, forget, watchExpiry } from './state.js';
import { runOf } from './subject.js';
import { event, move, save } from './transitions.js';

/** Left alone until a person resumes or cancels it. */
export const PARKED = Number.POSITIVE_INFINITY;

/** What a step threw, and in whose name: its partition is loaded anew, and this run left alone. */
export class StepFailure extends Error {
  constructor(
    readonly at: PartitionMessage | null,
    readonly run: string | null,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Runs the work of a step; what it throws says at which run. */
export function blaming(step: Step, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new StepFailure(step.at, step.run, error);
  }
}

/** Names what is worked at now. False: the run is benched, and this is not for it. */
export function begin(step: Step, message: PartitionMessage): boolean {
  const run = runOf(message);
  step.at = message;
  step.run = run;
  const until = run === null ? undefined : step.state.benched.get(run);
  if (until === undefined) return true;
  // Commands wait in the inbox for a run that is back soon; one that is parked waits for them. The
  // pool is told that there is nothing to match.
  if (isCommand(message)) return until === PARKED;
  return message.kind === 'fetched' || message.kind === 'park' || message.kind === 'match';
}

/** Its time on the bench is over: it is read anew, and takes its place. */
export function wakeBenched(step: Step): void {
  const { benched } = step.state;
  for (const [run, until] of benched) {
    if (until > step.now) continue;
    benched.delete(run);
    fetchThen(step, run, { kind: 'wake', run });
  }
}

/** Its deadline may have come, or been passed over, while it was left alone. */
export function watchAgain(step: Step, cell: Cell): void {
  const { id, expires } = cell.facts;
  if (expires === null) return;
  // Behind what has fired already no index is read: it fires at the next tick.
  if (expires > step.state.expiriesAfter) watchExpiry(step.state, cell);
  else fetchThen(step, id, { kind: 'expire', run: id });
}

/**
 * It failed again and again: it takes no timers, offers, matches or reports any more, whoever owns
 * it. What has an open attempt keeps its state, as one that is frozen does; the rest is PAUSED.
 */
export function park(step: Step, message: Extract<PartitionMessage, { kind: 'park' }>): void {
  const { state, now } = step;
  const { run, reason } = message;
  const cell = state.cells.get(run);
  if (cell === undefined) {
    state.benched.set(run, PARKED);
    fetchThen(step, run, message);
    return;
  }
  if (cell.record.parked !== undefined) return;
  cell.record.parked = { reason, at: now };
  const extra = { actor: 'orrery', data: { reason, parked: true } };
  if (isOpen(cell.state)) event(step, cell, 'PAUSED', extra);
  else {
    const from = cell.record.paused?.from ?? cell.state;
    cell.lane = null;
    cell.record.paused = { from, by: 'orrery', reason, at: now };
    if (cell.state === 'PAUSED') event(step, cell, 'PAUSED', extra);
    else move(step, cell, 'PAUSED', 'PAUSED', extra);
  }
  save(step, cell);
  forget(state, run);
}

/** A person has decided: it is as any other. False: it was not parked. */
export function unpark(step: Step, cell: Cell): boolean {
  if (cell.record.parked === undefined) return false;
  delete cell.record.parked;
  step.state.benched.delete(cell.facts.id);
  if (isOpen(cell.state) && cell.token !== null) reopen(step, cell);
  return true;
}

export const isBenched = (state: PartitionState, { facts }: Cell): boolean =>
  state.benched.has(facts.id);
