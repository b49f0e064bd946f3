import {
  type Cell,
  LANE_OPEN,
  OUTCOMES,
  type Outcome,
  RUN_STATES,
  type RunError,
  type RunState,
  isOpen,
} from '#core';
import { Columns, callText } from './columns.js';
import type { Connection } from './connection.js';
import { COMMIT_PARAMETERS } from './functions/commit.sql.js';

/** What one partition writes in a batch. Cells are read when the batch is encoded, not before. */
export interface PartitionWrites {
  readonly partition: number;
  readonly epoch: number;
  /** Journal segment, already encoded; undefined when nothing happened. */
  readonly segment?: string | undefined;
  readonly events: number;
  readonly consumed: readonly string[];
  readonly changed: Iterable<Cell>;
  readonly finished: Iterable<FinishedRun>;
  readonly answers: readonly CommandAnswer[];
  readonly outgoing: readonly OutgoingMessage[];
  readonly executors: readonly ExecutorRow[];
  readonly aside: readonly AsideRow[];
  /** Inbox rows that are about to be applied alone. */
  readonly named: readonly string[];
}

export interface FinishedRun {
  readonly cell: Cell;
  readonly outcome: Outcome | null;
  readonly finishedAt: number;
  /** JSON texts. */
  readonly result: string | null;
  readonly error: RunError | null;
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
): (string | number | null)[] {
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
    for (const cell of writes.changed) pushChanged(columns, cell);
    for (const run of writes.finished) pushFinished(columns, run);
    pushRest(columns, writes);
  }
  if (notBefore !== null) columns.push('not_before', notBefore);
  return columns.values();
}

function pushMutable(columns: Columns, prefix: 'u' | 'f', cell: Cell): void {
  columns.push(`${prefix}_id`, cell.facts.id);
  columns.push(`${prefix}_state`, stateCode(cell.state));
  columns.push(`${prefix}_ready`, cell.readyAt);
  columns.push(`${prefix}_started`, cell.startedAt);
  columns.push(`${prefix}_attempt`, cell.attempt);
  columns.push(`${prefix}_spent`, cell.spent);
  columns.push(`${prefix}_executor`, cell.token?.executor);
  columns.push(`${prefix}_incarnation`, cell.token?.incarnation);
  columns.push(`${prefix}_epoch`, cell.token?.epoch);
  columns.push(`${prefix}_seq`, cell.token?.seq);
  columns.push(`${prefix}_record`, JSON.stringify(cell.record));
}

function pushChanged(columns: Columns, cell: Cell): void {
  pushMutable(columns, 'u', cell);
  columns.push('u_lane', isOpen(cell.state) ? LANE_OPEN : cell.lane);
  columns.push('u_rank', Math.round(cell.rank));
}

function pushFinished(columns: Columns, run: FinishedRun): void {
  pushMutable(columns, 'f', run.cell);
  columns.push('f_outcome', run.outcome === null ? null : OUTCOME_CODE.get(run.outcome));
  columns.push('f_finished', run.finishedAt);
  columns.push('f_retention', run.cell.facts.policy.retentionMs);
  columns.push('f_result', run.result);
  columns.push('f_error', run.error === null ? null : JSON.stringify(run.error));
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
