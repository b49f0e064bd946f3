import type { CommitOutcome, Failure, Millis, PartitionWrites } from '#core';
import type { LiveRow, PartitionTable, Tables } from './tables.js';

const refused = (failure: Failure): CommitOutcome => ({ kind: 'failed', failure });
const forGood = (text: string): CommitOutcome =>
  refused({ kind: 'rejected-for-good', error: new Error(text) });

/** What PostgreSQL would refuse whatever row it stood in. */
export const POISON = 'poison';

/** As `commit_batch`: all of it at one instant, or nothing. */
export function commitTo(
  tables: Tables,
  writes: readonly PartitionWrites[],
  notBefore: Millis | null,
  at: Millis,
): CommitOutcome {
  const tableOf = (of: PartitionWrites): PartitionTable => tables.partition(of.partition);
  const fenced: number[] = [];
  for (const of of writes) if (tableOf(of).epoch !== of.epoch) fenced.push(of.partition);
  if (fenced.length > 0) return refused({ kind: 'fenced', partitions: fenced });
  if (notBefore !== null && notBefore > at) return refused({ kind: 'early', at });
  const gone: string[] = [];
  for (const of of writes) {
    const { inbox } = tableOf(of);
    for (const [i, id] of of.consumed.entries()) {
      if (!inbox.has(id) || of.consumed.indexOf(id) !== i) gone.push(id);
    }
  }
  if (gone.length > 0) return refused({ kind: 'gone', ids: gone });
  for (const of of writes) {
    const wrong = whatIsWrong(tables, tableOf(of), of);
    if (wrong !== undefined) return forGood(wrong);
  }
  for (const of of writes) apply(tables, tableOf(of), of, at);
  const wanted: { partition: number; by: string }[] = [];
  for (const { partition } of writes) {
    const by = tables.partition(partition).wantedBy;
    if (by !== null) wanted.push({ partition, by });
  }
  return { kind: 'committed', committed: { at, wanted, timeline: '00000001' } };
}

function whatIsWrong(
  tables: Tables,
  table: PartitionTable,
  writes: PartitionWrites,
): string | undefined {
  for (const { id } of [...writes.changed, ...writes.finished]) {
    if (!table.live.has(id)) return `a live row is gone: ${id}`;
  }
  for (const { run } of writes.open) {
    if (!table.open.has(run)) return `an open attempt is gone: ${run}`;
  }
  const closed = new Set(writes.changed.filter((of) => of.wasGranted).map(({ id }) => id));
  for (const { run, isAgain } of writes.granted) {
    const isFree = isAgain || closed.has(run) || !table.open.has(run);
    if (!isFree) return `open_attempt has ${run} already`;
  }
  for (const { id } of writes.finished) {
    if (tables.history.has(id)) return `history has ${id} already`;
  }
  const isPoison = (text: string | null): boolean => text?.includes(POISON) === true;
  const isRefused = writes.finished.some(
    ({ result, error }) => isPoison(result) || isPoison(error),
  );
  return isRefused ? 'invalid byte' : undefined;
}

function apply(tables: Tables, table: PartitionTable, of: PartitionWrites, at: Millis): void {
  if (of.events > 0) {
    const { epoch, events: n, segment: events = '[]' } = of;
    table.journal.push({ seq: table.seq + 1, n, events, epoch, at });
    table.seq += of.events;
  }
  for (const id of of.consumed) table.inbox.delete(id);
  amend(table, of);
  change(table, of);
  finish(tables, table, of);
  for (const { command, outcome } of of.answers) {
    if (!tables.answers.has(command)) tables.answers.set(command, outcome);
  }
  for (const executor of of.executors) table.executors.set(executor.id, executor);
  for (const row of of.aside) tables.aside.set(row.id, row);
  for (const id of of.named) {
    const entry = table.inbox.get(id);
    if (entry !== undefined) entry.tries += 1;
  }
}

function amend(table: PartitionTable, { amended }: PartitionWrites): void {
  for (const { run, priority, due, expires, params } of amended) {
    const row = table.live.get(run);
    if (row === undefined) continue;
    Object.assign(row, { priority, due, expires });
    if (params !== null) Object.assign(row, { params, cache: null });
  }
}

function change(table: PartitionTable, of: PartitionWrites): void {
  for (const run of of.changed) {
    const row = table.live.get(run.id) as LiveRow;
    row.state = run.state;
    row.lane = run.lane;
    row.rank = run.rank;
    row.ready = run.readyAt;
    row.attempt = run.attempt;
    row.spent = run.spent;
    row.record = run.record;
    row.taken = true;
    if (run.wasGranted) table.open.delete(run.id);
  }
  for (const grant of of.granted) {
    const { token, state, startedAt, record, rank, readyAt, spent } = grant;
    const { partition } = of;
    const row = { partition, token, state, startedAt, record, rank, readyAt, spent };
    table.open.set(grant.run, row);
  }
  for (const { run, state, startedAt, record } of of.open) {
    const row = table.open.get(run);
    if (row !== undefined) Object.assign(row, { state, startedAt, record });
  }
}

function finish(tables: Tables, table: PartitionTable, { finished }: PartitionWrites): void {
  for (const run of finished) {
    const row = table.live.get(run.id) as LiveRow;
    const { partition, project, job, spec } = row;
    table.live.delete(run.id);
    if (run.wasGranted) table.open.delete(run.id);
    tables.history.set(run.id, { ...run, partition, project, job, spec });
  }
}
