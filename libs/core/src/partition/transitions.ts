import { assertEdge } from '../run/edges.js';
import {
  type Cell,
  type EventType,
  LANE_TIMED,
  type Outcome,
  type RunError,
  type RunState,
  isOpen,
  rankOf,
} from '../run/run.js';
import { laneOf } from './lane.js';
import type { Hold } from './messages.js';
import { type Step, commit, dequeue, enqueue, forget, heldBy, tellPool } from './state.js';

interface EventExtra {
  readonly from?: RunState | null;
  readonly to?: RunState | null;
  readonly actor?: string | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

const concernsAttempt = (cell: Cell, from: RunState | null | undefined): boolean =>
  isOpen(cell.state) || (from !== null && from !== undefined && isOpen(from));

/** Appends to the journal; every event a reader sees has passed here. Returns its seq. */
export function event(step: Step, cell: Cell, type: EventType, extra: EventExtra = {}): number {
  const { state, now } = step;
  const seq = ++state.head;
  step.budget--;
  const { facts } = cell;
  commit(step, {
    kind: 'event',
    event: {
      seq,
      at: now,
      type,
      run: facts.id,
      project: facts.project,
      job: facts.job,
      from: extra.from ?? null,
      to: extra.to ?? null,
      attempt: cell.attempt,
      executor: concernsAttempt(cell, extra.from) ? (cell.token?.executor ?? null) : null,
      actor: extra.actor ?? null,
      data: extra.data ?? null,
    },
  });
  if (type !== 'PROGRESSED') {
    cell.record.seqs.push(seq);
    if (cell.record.seqs.length > step.state.limits.seqsKept) cell.record.seqs.splice(1, 1);
  }
  return seq;
}

/** Moves a run along one edge; an illegal one is a bug and stops the step. */
export function move(
  step: Step,
  cell: Cell,
  to: RunState,
  type: EventType,
  extra: Omit<EventExtra, 'from' | 'to'> = {},
): void {
  const from = cell.state;
  assertEdge(from, to);
  cell.state = to;
  event(step, cell, type, { from, to, actor: extra.actor, data: extra.data });
}

export function save(step: Step, cell: Cell): void {
  commit(step, { kind: 'save', cell });
}

/** To READY, at the end of its lane by rank; a run that goes back keeps the rank it had. */
export function makeReady(step: Step, cell: Cell, readyAt: number): void {
  cell.readyAt = readyAt;
  cell.rank = rankOf(readyAt, cell.facts.priority);
  queueReady(step, cell);
}

export function queueReady(step: Step, cell: Cell): void {
  const hold = heldBy(step.state, cell);
  if (hold !== undefined) {
    holdBack(step, cell, hold);
    return;
  }
  cell.lane = laneOf(cell.facts);
  if (enqueue(step, cell)) tellPool(step, { kind: 'offer', cell });
}

/** Its job is paused: it stands in no line until the job is resumed, and keeps its rank. */
export function holdBack(step: Step, cell: Cell, { by, reason }: Hold): void {
  cell.lane = null;
  cell.record.paused = { from: 'READY', by, reason, at: step.now, job: true };
  move(step, cell, 'PAUSED', 'PAUSED', { actor: by, data: { reason, job: true } });
  save(step, cell);
  forget(step.state, cell.facts.id);
}

/** A rank is whole milliseconds, as its row has it; what is due is never early. */
export function waitUntil(step: Step, cell: Cell, due: number): void {
  cell.lane = LANE_TIMED;
  cell.rank = Math.ceil(due);
  enqueue(step, cell);
}

/** Out of a pause. What became due meanwhile is ready; what was ready keeps its place. */
export function goOn(
  step: Step,
  cell: Cell,
  from: RunState,
  extra: Omit<EventExtra, 'from' | 'to'>,
): void {
  delete cell.record.paused;
  const isRetry = from === 'WAITING_RETRY';
  const due = isRetry ? cell.rank : (cell.facts.due ?? 0);
  if (due > step.now) {
    move(step, cell, isRetry ? 'WAITING_RETRY' : 'SCHEDULED', 'RESUMED', extra);
    waitUntil(step, cell, due);
  } else {
    move(step, cell, 'READY', 'RESUMED', extra);
    makeReady(step, cell, isRetry ? due : (cell.readyAt ?? step.now));
  }
  save(step, cell);
}

/** Final: the row moves to history in this commit, and memory lets go of it. */
export function finish(
  step: Step,
  cell: Cell,
  to: RunState,
  end: {
    readonly outcome: Outcome | null;
    readonly reason?: string;
    readonly result?: string | null;
    readonly error?: RunError | null;
    readonly actor?: string;
    /** The result is what the job made of its params, and may stand for others. */
    readonly isFresh?: true;
  },
): void {
  const { state, now } = step;
  if (end.reason !== undefined) cell.record.reason = end.reason;
  dequeue(step, cell);
  if (cell.facts.expires !== null) {
    state.expiries.remove({ id: cell.facts.id, rank: cell.facts.expires });
  }
  const data: Record<string, unknown> = {};
  if (end.outcome !== null) data['outcome'] = end.outcome;
  if (end.reason !== undefined) data['reason'] = end.reason;
  move(step, cell, to, 'FINISHED', {
    data,
    ...(end.actor === undefined ? {} : { actor: end.actor }),
  });
  cell.lane = null;
  forget(state, cell.facts.id);
  state.benched.delete(cell.facts.id);
  if (cell.facts.dedup !== null) commit(step, { kind: 'release', cell });
  const { cacheMs } = cell.facts.policy;
  if (end.isFresh === true && cell.facts.cache !== null && cacheMs !== undefined) {
    commit(step, { kind: 'cache', cell, expires: now + cacheMs });
  }
  commit(step, {
    kind: 'finish',
    cell,
    outcome: end.outcome,
    finishedAt: now,
    result: end.result ?? null,
    error: end.error ?? null,
  });
}
