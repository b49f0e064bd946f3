import type { Birth, ExecutorCell, ExecutorDetail } from './messages.js';
import { type Step, commit, perform } from './state.js';

/**
 * The executor's own cell. Incarnations are handed out here, durably, before any assignment (§6):
 * a birth without one (or of another life of the cluster) gets the next; one that is repeated in
 * the same session gets the same answer; one of an older incarnation is ignored. A number counts
 * only once its executor says it: a late birth of an older session that had none costs a number and
 * nothing else.
 */
export function birth(step: Step, message: Birth): void {
  const { state } = step;
  const known = state.executors.get(message.executor);
  const claims = message.life === state.life ? message.incarnation : null;
  if (claims === null) {
    handOut(step, message, known);
    return;
  }
  if (known !== undefined && claims < known.incarnation) return;
  adopt(step, message, claims, Math.max(claims, known?.handed ?? 0));
  welcome(step, message, claims);
}

function handOut(step: Step, message: Birth, known: ExecutorCell | undefined): void {
  const isRepeat = known?.session === message.session && known.handed > known.incarnation;
  const handed = isRepeat ? known.handed : (known?.handed ?? 0) + 1;
  adopt(step, message, known?.incarnation ?? 0, handed);
  welcome(step, message, handed);
}

function adopt(step: Step, message: Birth, incarnation: number, handed: number): void {
  const { state, now } = step;
  const known = state.executors.get(message.executor);
  const wasOnline = known !== undefined && known.state !== 'OFFLINE';
  const cell: ExecutorCell = {
    id: message.executor,
    pool: message.pool,
    state: message.detail.draining ? 'DRAINING' : 'ACTIVE',
    incarnation,
    handed,
    since: wasOnline ? known.since : now,
    session: message.session,
    detail: message.detail,
  };
  if (known !== undefined && sameCell(known, cell)) return;
  state.executors.set(cell.id, cell);
  commit(step, { kind: 'executor', executor: cell });
}

function welcome(step: Step, message: Birth, incarnation: number): void {
  const { executor, session } = message;
  perform(step, { kind: 'welcome', executor, session, incarnation });
}

/** A death of another session changes nothing: a late will of an older one is no news. */
export function gone(step: Step, executor: string, session: string): void {
  const known = step.state.executors.get(executor);
  if (known === undefined || known.session !== session || known.state === 'OFFLINE') return;
  const cell: ExecutorCell = { ...known, state: 'OFFLINE', since: step.now };
  step.state.executors.set(executor, cell);
  commit(step, { kind: 'executor', executor: cell });
}

function sameCell(a: ExecutorCell, b: ExecutorCell): boolean {
  return (
    a.pool === b.pool &&
    a.state === b.state &&
    a.incarnation === b.incarnation &&
    a.handed === b.handed &&
    a.session === b.session &&
    sameDetail(a.detail, b.detail)
  );
}

const sameDetail = (a: ExecutorDetail, b: ExecutorDetail): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
