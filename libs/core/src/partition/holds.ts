import type { Cell } from '../run/run.js';
import type { Hold, PartitionMessage } from './messages.js';
import {
  type Step,
  commit,
  dequeue,
  heldBy,
  isOldNews,
  newRead,
  perform,
  readDone,
  remember,
  tellPool,
} from './state.js';
import { goOn, holdBack } from './transitions.js';

type Of<K extends PartitionMessage['kind']> = Extract<PartitionMessage, { kind: K }>;

/**
 * A job was paused or resumed. The inbox row only says that something changed: what is so now is
 * read from the job itself, so rows may come in any order. The row goes when all is done.
 */
export function jobChanged(step: Step, { inbox, job }: Of<'job-changed'>): void {
  const { state } = step;
  if (state.applied.has(inbox) || state.changing.has(inbox)) return;
  state.changing.set(inbox, false);
  perform(step, { kind: 'read-job', inbox, job });
}

export function jobRead(step: Step, { inbox, job, hold }: Of<'job-read'>): void {
  const { state } = step;
  if (hold !== null) {
    addHold(step, job, hold);
    done(step, inbox);
  } else {
    state.holds.delete(job);
    perform(step, { kind: 'read-held', inbox, job, after: null, read: newRead(state) });
  }
}

export function addHold(step: Step, job: string, hold: Hold): void {
  step.state.holds.set(job, hold);
  step.state.unswept = true;
  sweepHeld(step);
}

/** What is in line and may not start any more; what is behind a window is met when it is read. */
export function sweepHeld(step: Step): void {
  const { state } = step;
  if (!state.unswept) return;
  for (const cell of state.cells.values()) {
    step.run = cell.facts.id;
    const hold = cell.state === 'READY' ? heldBy(state, cell) : undefined;
    if (hold === undefined) continue;
    if (step.budget <= 0) return;
    tellPool(step, { kind: 'withdraw', cell });
    dequeue(step, cell);
    holdBack(step, cell, hold);
  }
  state.unswept = false;
}

/** A page of the runs that the job's pause has held, in the order of their ids. */
export function heldRead(step: Step, message: Of<'held-read'>): void {
  const { state } = step;
  const { inbox, job, cells, read } = message;
  let after = message.after;
  let isStale = false;
  for (const cell of state.holds.has(job) ? [] : cells) {
    const { id } = cell.facts;
    const isOld = isOldNews(state, id, read);
    isStale ||= isOld;
    if (!isStale) after = id;
    step.run = id;
    if (!isOld && !state.cells.has(id)) letGo(step, cell, inbox);
  }
  readDone(state, read);
  if (state.holds.has(job)) done(step, inbox);
  else if (!message.complete || isStale) {
    perform(step, { kind: 'read-held', inbox, job, after, read: newRead(state) });
  } else if (state.changing.get(inbox) !== true) done(step, inbox);
  // As the commands of what is on the bench the row waits in the inbox, and is swept again.
  else state.changing.delete(inbox);
}

/** What a person has paused as well stays paused, and so does what is parked. */
function letGo(step: Step, cell: Cell, inbox: string): void {
  const { state } = step;
  const { paused } = cell.record;
  if (cell.state !== 'PAUSED' || paused?.job !== true) return;
  if (state.benched.has(cell.facts.id)) state.changing.set(inbox, true);
  else goOn(step, cell, paused.from, { data: { job: true } });
}

function done(step: Step, inbox: string): void {
  step.state.changing.delete(inbox);
  remember(step.state.applied, inbox, step.state.limits.applied);
  commit(step, { kind: 'consume', inbox });
  commit(step, { kind: 'answer', command: inbox, outcome: { ok: true, state: null } });
}
