import {
  type Cell,
  OUTCOMES,
  type Outcome,
  RUN_STATES,
  type RunError,
  type RunState,
  type Token,
} from '#core';
import { Columns, type Parameter, callText } from './columns.js';
import type { Connection } from './connection.js';
import { COMMIT_PARAMETERS } from './functions/commit.sql.js';

/** What one partition writes in a batch: sealed, so that a repeat is the same call. */
export interface PartitionWrites {
  readonly partition: number;
  readonly epoch: number;
  /** Journal segment, already encoded; undefined when nothing happened. */
  readonly segment?: string | undefined;
  readonly events: number;
  readonly consumed: readonly string[];
  readonly changed: readonly SealedRun[];
  readonly finished: readonly FinishedRun[];
  readonly answers: readonly CommandAnswer[];
  readonly outgoing: readonly OutgoingMessage[];
  readonly executors: readonly ExecutorRow[];
  readonly aside: readonly AsideRow[];
  /** Inbox rows that are about to be applied alone. */
  readonly named: readonly string[];
}

/** A run as it is to be written: taken when its batch is sealed, as the cell lives on. */
export interface SealedRun {
  readonly id: string;
  readonly state: number;
  readonly lane: string | null;
  readonly rank: number;
  readonly readyAt: number | null;
  readonly startedAt: number | null;
  readonly attempt: number;
  readonly spent: number;
  readonly token: Token | null;
  readonly record: string;
}
export interface FinishedRun extends SealedRun {
  readonly outcome: number | null;
  readonly finishedAt: number;
  readonly retentionMs: number;
  /** JSON texts. */
  readonly result: string | null;
  readonly error: string | null;
}
export interface RunEnd {
  readonly cell: Cell;
  readonly outcome: Outcome | null;
  readonly finishedAt: number;
  readonly result: string | null;
  readonly error: RunError | null;
}

export function sealRun(cell: Cell): SealedRun {
  return {
    id: cell.facts.id,
    state: stateCode(cell.state),
    lane: cell.lane,
    rank: Math.round(cell.rank),
    readyAt: cell.readyAt,
    startedAt: cell.startedAt,
    attempt: cell.attempt,
    spent: cell.spent,
    token: cell.token,
    record: JSON.stringify(cell.record),
  };
}

export function sealEnd(end: RunEnd): FinishedRun {
  return {
    ...sealRun(end.cell),
    outcome: end.outcome === null ? null : (OUTCOME_CODE.get(end.outcome) ?? null),
    finishedAt: end.finishedAt,
    retentionMs: end.cell.facts.policy.retentionMs,
    result: end.result,
    error: end.error === null ? null : JSON.stringify(end.error),
  };
}

export interface CommandAnswer {
  readonly command: string;
  readonly outcome: string;
}
export interface OutgoingMessage {
  readonly partition: number;
  readonly id: string;
  readonly kind: number;
  readonly ref: string | null;
  readonly payload: string;
}
export interface ExecutorRow {
  readonly id: string;
  readonly pool: string;
  readonly state: number;
  readonly incarnation: number;
  readonly since: number;
  readonly record: string;
}
export interface AsideRow {
  readonly id: string;
  readonly run: string | null;
  readonly kind: string;
  readonly bytes: string | null;
  readonly error: string;
}

export interface Committed {
  readonly at: number;
  readonly wanted: readonly { readonly partition: number; readonly by: string }[];
  readonly timeline: string;
}

const STATE_CODE: ReadonlyMap<RunState, number> = new Map(RUN_STATES.map((s, i) => [s, i]));
const OUTCOME_CODE: ReadonlyMap<Outcome, number> = new Map(OUTCOMES.map((o, i) => [o, i]));
export const stateCode = (state: RunState): number => STATE_CODE.get(state) ?? 0;

const CALL = callText('commit_batch', COMMIT_PARAMETERS);

export function encodeCommit(
  batch: readonly PartitionWrites[],
  notBefore: number | null,
): Parameter[] {
  const columns = new Columns(COMMIT_PARAMETERS);
  for (const writes of batch) {
    columns.push('p_id', writes.partition);
    columns.push('p_epoch', writes.epoch);
    columns.push('p_events', writes.events);
    columns.push('p_segments', writes.segment);
    for (const id of writes.consumed) {
      columns.push('i_partition', writes.partition);
      columns.push('i_id', id);
    }
    for (const run of writes.changed) pushChanged(columns, run);
    for (const run of writes.finished) pushFinished(columns, run);
    pushRest(columns, writes);
  }
  if (notBefore !== null) columns.push('not_before', notBefore);
  return columns.values();
}

function pushMutable(columns: Columns, prefix: 'u' | 'f', run: SealedRun): void {
  columns.push(`${prefix}_id`, run.id);
  columns.push(`${prefix}_state`, run.state);
  columns.push(`${prefix}_ready`, run.readyAt);
  columns.push(`${prefix}_started`, run.startedAt);
  columns.push(`${prefix}_attempt`, run.attempt);
  columns.push(`${prefix}_spent`, run.spent);
  columns.push(`${prefix}_executor`, run.token?.executor);
  columns.push(`${prefix}_incarnation`, run.token?.incarnation);
  columns.push(`${prefix}_epoch`, run.token?.epoch);
  columns.push(`${prefix}_seq`, run.token?.seq);
  columns.push(`${prefix}_record`, run.record);
}

function pushChanged(columns: Columns, run: SealedRun): void {
  pushMutable(columns, 'u', run);
  columns.push('u_lane', run.lane);
  columns.push('u_rank', run.rank);
}

function pushFinished(columns: Columns, run: FinishedRun): void {
  pushMutable(columns, 'f', run);
  columns.push('f_outcome', run.outcome);
  columns.push('f_finished', run.finishedAt);
  columns.push('f_retention', run.retentionMs);
  columns.push('f_result', run.result);
  columns.push('f_error', run.error);
}

function pushRest(columns: Columns, writes: PartitionWrites): void {
  for (const answer of writes.answers) {
    columns.push('a_command', answer.command);
    columns.push('a_partition', writes.partition);
    columns.push('a_outcome', answer.outcome);
  }
  for (const message of writes.outgoing) {
    columns.push('o_partition', message.partition);
    columns.push('o_id', message.id);
    columns.push('o_kind', message.kind);
    columns.push('o_ref', message.ref);
    columns.push('o_payload', message.payload);
  }
  for (const executor of writes.executors) {
    columns.push('x_id', executor.id);
    columns.push('x_partition', writes.partition);
    columns.push('x_pool', executor.pool);
    columns.push('x_state', executor.state);
    columns.push('x_incarnation', executor.incarnation);
    columns.push('x_since', executor.since);
    columns.push('x_record', executor.record);
  }
  for (const row of writes.aside) {
    columns.push('s_id', row.id);
    columns.push('s_partition', writes.partition);
    columns.push('s_run', row.run);
    columns.push('s_kind', row.kind);
    columns.push('s_bytes', row.bytes);
    columns.push('s_error', row.error);
  }
  for (const id of writes.named) {
    columns.push('t_partition', writes.partition);
    columns.push('t_id', id);
  }
}

interface CommitRow {
  at: number;
  wanted: string | null;
  timeline: string;
  [column: string]: unknown;
}

export async function commitBatch(
  connection: Connection,
  batch: readonly PartitionWrites[],
  notBefore: number | null,
): Promise<Committed> {
  const values = encodeCommit(batch, notBefore);
  const [row] = await connection.query<CommitRow>('commit_batch', CALL, values);
  if (row === undefined) throw new Error('the commit answered no row');
  const wanted = (row.wanted ?? '').split('\n').filter(Boolean);
  return {
    at: row.at,
    timeline: row.timeline,
    wanted: wanted.map((line) => {
      const space = line.indexOf(' ');
      return { partition: Number(line.slice(0, space)), by: line.slice(space + 1) };
    }),
  };
}
