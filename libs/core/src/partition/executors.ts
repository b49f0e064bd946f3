import type {
  Birth,
  Close,
  Closed,
  ExecutorCell,
  ExecutorDetail,
  ExecutorState,
} from './executor-cell.js';
import { GIVE_BACK } from '../ledger/owner.js';
import type { CommandOutcome } from './command.js';
import { type Step, commit, perform, remember } from './state.js';

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
    state: stateOf(message.detail, known?.closed ?? null),
    incarnation,
    handed,
    since: wasOnline ? known.since : now,
    session: message.session,
    detail: message.detail,
    closed: known?.closed ?? null,
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

const stateOf = ({ draining }: ExecutorDetail, closed: Closed | null): ExecutorState =>
  closed?.as ?? (draining ? 'DRAINING' : 'ACTIVE');

/** What a person says of an executor holds until a person says otherwise. */
export function close(step: Step, message: Close): void {
  const { state, now } = step;
  const { inbox, executor, as, by, reason, withinMs } = message;
  if (state.applied.has(inbox)) return;
  remember(state.applied, inbox, state.limits.applied);
  commit(step, { kind: 'consume', inbox });
  const answer = (outcome: CommandOutcome): void =>
    commit(step, { kind: 'answer', command: inbox, outcome });
  const known = state.executors.get(executor);
  if (known === undefined) {
    answer({ ok: false, code: 'NOT_FOUND', state: null });
    return;
  }
  if ((known.closed?.as ?? null) === as && as !== 'DRAINING') {
    answer({ ok: true, state: null, same: true });
    return;
  }
  const emptyBy = withinMs === null ? null : now + withinMs;
  const closed = as === null ? null : { as, by, reason, at: now, emptyBy };
  const isOnline = known.state !== 'OFFLINE';
  const next = isOnline ? stateOf(known.detail, closed) : 'OFFLINE';
  const since = next === known.state ? known.since : now;
  const cell: ExecutorCell = { ...known, closed, state: next, since };
  state.executors.set(executor, cell);
  commit(step, { kind: 'executor', executor: cell });
  answer({ ok: true, state: null });
}

/**
 * A drained executor gives back what it has not started, and, once its time is over, what runs on
 * it. That is no state of a run: it is said again until the attempt has ended, in whatever way.
 */
export function evict(step: Step, executor: string, isDue: boolean): void {
  const { state } = step;
  for (const run of state.byExecutor.get(executor) ?? []) {
    step.run = run;
    const attempt = state.open.get(run);
    if (attempt === undefined || attempt.isAway || attempt.cell.token === null) continue;
    const { cell } = attempt;
    if (cell.state === 'CANCELLING' || (!isDue && cell.startedAt !== null)) continue;
    const { graceMs } = cell.facts.policy;
    const why = isDue ? 'drained' : GIVE_BACK;
    perform(step, { kind: 'stop', token: attempt.cell.token, graceMs, why });
  }
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
