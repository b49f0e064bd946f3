import type {
  AmendedRun,
  CachedResult,
  Committed,
  DiscardedRun,
  FinishedRun,
  Keyed,
  PartitionWrites,
  SealedAttempt,
  SealedGrant,
  SealedRun,
} from '#core';
import { Columns, type Parameter, callText, positions } from './columns.js';
import type { Connection } from './connection.js';
import { COMMIT_PARAMETERS } from './functions/commit.sql.js';

const CALL = callText('commit_batch', COMMIT_PARAMETERS);
const AT = positions(COMMIT_PARAMETERS);

export function encodeCommit(
  batch: readonly PartitionWrites[],
  notBefore: number | null,
): Parameter[] {
  const columns = new Columns(COMMIT_PARAMETERS);
  for (const writes of batch) {
    const { partition } = writes;
    columns.push(AT.p_id, partition);
    columns.push(AT.p_epoch, writes.epoch);
    columns.push(AT.p_events, writes.events);
    columns.push(AT.p_segments, writes.segment);
    for (const id of writes.consumed) {
      columns.push(AT.i_partition, partition);
      columns.push(AT.i_id, id);
    }
    for (const run of writes.amended) pushAmended(columns, run);
    for (const run of writes.changed) pushChanged(columns, partition, run);
    for (const grant of writes.granted) pushGranted(columns, partition, grant);
    for (const attempt of writes.open) pushOpen(columns, partition, attempt);
    for (const run of writes.finished) pushFinished(columns, partition, run);
    for (const released of writes.released) pushReleased(columns, released);
    for (const cached of writes.cached) pushCached(columns, cached);
    for (const { run, from } of writes.reused) {
      columns.push(AT.v_run, run);
      columns.push(AT.v_from, from);
    }
    for (const discarded of writes.discarded) pushDiscarded(columns, discarded);
    pushRest(columns, writes);
  }
  if (notBefore !== null) columns.push(AT.not_before, notBefore);
  return columns.values();
}

function pushClosed(columns: Columns, partition: number, id: string): void {
  columns.push(AT.d_partition, partition);
  columns.push(AT.d_run, id);
}

function pushChanged(columns: Columns, partition: number, run: SealedRun): void {
  columns.push(AT.u_id, run.id);
  columns.push(AT.u_state, run.state);
  columns.push(AT.u_lane, run.lane);
  columns.push(AT.u_rank, run.rank);
  columns.push(AT.u_ready, run.readyAt);
  columns.push(AT.u_attempt, run.attempt);
  columns.push(AT.u_spent, run.spent);
  columns.push(AT.u_record, run.record);
  if (run.wasGranted) pushClosed(columns, partition, run.id);
}

function pushAmended(columns: Columns, run: AmendedRun): void {
  columns.push(AT.e_id, run.run);
  columns.push(AT.e_priority, run.priority);
  columns.push(AT.e_due, run.due);
  columns.push(AT.e_expires, run.expires);
  columns.push(AT.e_params, run.params);
  columns.push(AT.e_labels, run.labels);
}

function pushOpen(columns: Columns, partition: number, attempt: SealedAttempt): void {
  columns.push(AT.o_partition, partition);
  columns.push(AT.o_run, attempt.run);
  columns.push(AT.o_state, attempt.state);
  columns.push(AT.o_started, attempt.startedAt);
  columns.push(AT.o_record, attempt.record);
}

function pushGranted(columns: Columns, partition: number, grant: SealedGrant): void {
  const { token } = grant;
  columns.push(AT.g_partition, partition);
  columns.push(AT.g_run, grant.run);
  columns.push(AT.g_project, grant.project);
  columns.push(AT.g_state, grant.state);
  columns.push(AT.g_attempt, token.attempt);
  columns.push(AT.g_spent, grant.spent);
  columns.push(AT.g_executor, token.executor);
  columns.push(AT.g_incarnation, token.incarnation);
  columns.push(AT.g_epoch, token.epoch);
  columns.push(AT.g_seq, token.seq);
  columns.push(AT.g_rank, grant.rank);
  columns.push(AT.g_ready, grant.readyAt);
  columns.push(AT.g_started, grant.startedAt);
  columns.push(AT.g_record, grant.record);
  if (grant.isAgain) pushClosed(columns, partition, grant.run);
}

function pushFinished(columns: Columns, partition: number, run: FinishedRun): void {
  columns.push(AT.f_id, run.id);
  columns.push(AT.f_state, run.state);
  columns.push(AT.f_outcome, run.outcome);
  columns.push(AT.f_finished, run.finishedAt);
  columns.push(AT.f_retention, run.retentionMs);
  columns.push(AT.f_ready, run.readyAt);
  columns.push(AT.f_started, run.startedAt);
  columns.push(AT.f_attempt, run.attempt);
  columns.push(AT.f_spent, run.spent);
  columns.push(AT.f_executor, run.executor);
  columns.push(AT.f_record, run.record);
  columns.push(AT.f_result, run.result);
  columns.push(AT.f_error, run.error);
  if (run.wasGranted) pushClosed(columns, partition, run.id);
}

function pushReleased(columns: Columns, { project, key, run }: Keyed): void {
  columns.push(AT.l_project, project);
  columns.push(AT.l_key, key);
  columns.push(AT.l_run, run);
}

function pushCached(columns: Columns, { project, key, run, expires }: CachedResult): void {
  columns.push(AT.c_project, project);
  columns.push(AT.c_key, key);
  columns.push(AT.c_run, run);
  columns.push(AT.c_expires, expires);
}

function pushDiscarded(columns: Columns, { run, by, reason }: DiscardedRun): void {
  columns.push(AT.w_run, run);
  columns.push(AT.w_by, by);
  columns.push(AT.w_reason, reason);
}

function pushRest(columns: Columns, writes: PartitionWrites): void {
  for (const answer of writes.answers) {
    columns.push(AT.a_command, answer.command);
    columns.push(AT.a_partition, writes.partition);
    columns.push(AT.a_outcome, answer.outcome);
  }
  for (const message of writes.outgoing) {
    columns.push(AT.m_partition, message.partition);
    columns.push(AT.m_id, message.id);
    columns.push(AT.m_kind, message.kind);
    columns.push(AT.m_ref, message.ref);
    columns.push(AT.m_payload, message.payload);
  }
  for (const executor of writes.executors) {
    columns.push(AT.x_id, executor.id);
    columns.push(AT.x_partition, writes.partition);
    columns.push(AT.x_pool, executor.pool);
    columns.push(AT.x_state, executor.state);
    columns.push(AT.x_incarnation, executor.incarnation);
    columns.push(AT.x_since, executor.since);
    columns.push(AT.x_closed, executor.closed);
    columns.push(AT.x_empty_by, executor.emptyBy);
    columns.push(AT.x_record, executor.record);
  }
  for (const row of writes.aside) {
    columns.push(AT.s_id, row.id);
    columns.push(AT.s_partition, writes.partition);
    columns.push(AT.s_run, row.run);
    columns.push(AT.s_kind, row.kind);
    columns.push(AT.s_bytes, row.bytes);
    columns.push(AT.s_error, row.error);
  }
  for (const id of writes.named) {
    columns.push(AT.t_partition, writes.partition);
    columns.push(AT.t_id, id);
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
