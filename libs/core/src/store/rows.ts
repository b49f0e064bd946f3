import {
  type Closed,
  EXECUTOR_STATES,
  type ExecutorCell,
  type ExecutorDetail,
} from '../partition/executor-cell.js';
import {
  type Cell,
  JOB_KINDS,
  type Policy,
  RUN_STATES,
  type RunRecord,
  type Token,
} from '../run/run.js';
import type { ExecutorRow } from './writes.js';

/** A run that is not final as it is read: its row of `live`, and of `open_attempt` where one is. */
export interface RunRow {
  id: string;
  partition: number;
  project: string;
  job: string | null;
  job_version: number | null;
  spec: string;
  kind: number;
  state: number;
  pool: string;
  need: string;
  priority: number;
  lane: string | null;
  rank: number;
  due: number | null;
  expires: number | null;
  submitted: number;
  ready: number | null;
  started: number | null;
  attempt: number;
  spent: number;
  executor: string | null;
  incarnation: number | null;
  epoch: number | null;
  seq: number | null;
  taken: boolean;
  is_open: boolean;
  dedup: string | null;
  cache: string | null;
  params: string | null;
  params_left: boolean;
  record: string | null;
}

/** What a code stands for. */
export const nameOf = <T>(names: readonly T[], code: number): T => {
  const name = names[code];
  if (name === undefined) throw new Error(`unknown code ${code}: written by a newer version?`);
  return name;
};

export function cellOf(row: RunRow, policy: Policy): Cell {
  const record: RunRecord =
    row.record === null ? { attempts: [], seqs: [] } : JSON.parse(row.record);
  return {
    facts: {
      id: row.id,
      partition: row.partition,
      project: row.project,
      job: row.job,
      jobVersion: row.job_version,
      spec: row.spec,
      kind: nameOf(JOB_KINDS, row.kind),
      pool: row.pool,
      need: row.need,
      priority: row.priority,
      due: row.due,
      expires: row.expires,
      submittedAt: row.submitted,
      dedup: row.dedup,
      cache: row.cache,
      policy,
      params: row.params_left ? undefined : (row.params ?? 'null'),
    },
    state: nameOf(RUN_STATES, row.state),
    lane: row.is_open ? null : row.lane,
    rank: row.rank,
    readyAt: row.ready,
    startedAt: row.started,
    attempt: row.attempt,
    spent: row.spent,
    token: tokenOf(row),
    record,
  };
}

function tokenOf(row: RunRow): Token | null {
  if (row.executor === null || row.epoch === null) return null;
  return {
    run: row.id,
    attempt: row.attempt,
    executor: row.executor,
    incarnation: row.incarnation ?? 0,
    epoch: row.epoch,
    seq: row.seq ?? 0,
  };
}

export function executorRowOf(cell: ExecutorCell): ExecutorRow {
  return {
    id: cell.id,
    pool: cell.pool,
    state: EXECUTOR_STATES.indexOf(cell.state),
    incarnation: cell.handed,
    since: cell.since,
    record: JSON.stringify({
      session: cell.session,
      incarnation: cell.incarnation,
      detail: cell.detail,
      ...(cell.closed === null ? {} : { closed: cell.closed }),
    }),
    closed: cell.closed === null ? null : EXECUTOR_STATES.indexOf(cell.closed.as),
    emptyBy: cell.closed?.emptyBy ?? null,
  };
}

export function executorOf(row: Omit<ExecutorRow, 'closed' | 'emptyBy'>): ExecutorCell {
  const { session, incarnation, detail, closed } = JSON.parse(row.record) as {
    session: string;
    incarnation: number;
    detail: ExecutorDetail;
    closed?: Closed;
  };
  return {
    id: row.id,
    pool: row.pool,
    state: EXECUTOR_STATES[row.state] ?? 'OFFLINE',
    incarnation,
    handed: row.incarnation,
    since: row.since,
    session,
    detail,
    closed: closed ?? null,
  };
}
