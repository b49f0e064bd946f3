import {
  type AuditedRow,
  type Cell,
  type ExecutorCell,
  type Expiry,
  type ExpiriesPage,
  type Fetched,
  type FinalRun,
  type Hold,
  type InboxRow,
  type LanePage,
  type LanesPage,
  type LoadWanted,
  type LoadedPartition,
  type LoadedRun,
  RUN_STATES,
  type RunRow,
  cellOf,
  executorOf,
  nameOf,
} from '#core';
import type { Connection } from './connection.js';
import type { FoundSpecifications, Specifications } from './specifications.js';

/** As the driver answers it. */
export type ReadRow = RunRow & Record<string, unknown>;

export function cellIn(row: RunRow, specifications: FoundSpecifications): Cell {
  return cellOf(row, specifications.policy(row.project, row.spec));
}

const loadedIn = (row: RunRow, specifications: FoundSpecifications): LoadedRun => ({
  cell: cellIn(row, specifications),
  taken: row.taken,
});

export const holdOf = (by: string | null, reason: string | null): Hold => ({
  by: by ?? 'somebody',
  reason: reason ?? '',
});

/** What holds for all; a partition, with the executors that live in it; or one of its runs. */
type LoadRow = Omit<ReadRow, 'id' | 'seq'> & {
  readonly of: number | null;
  readonly head: number | null;
  readonly executors: string | null;
  readonly holds: string | null;
  readonly id: string | null;
  readonly partition: number;
};
type ExecutorTuple = [string, string, number, number, number, string];
type HoldTuple = [string, string | null, string | null];

/** Those that are still at their epoch, by one snapshot. */
export async function loadPartitions(
  connection: Connection,
  { partitions, window }: LoadWanted,
  specifications: Specifications,
): Promise<ReadonlyMap<number, LoadedPartition>> {
  const rows = await connection.query<LoadRow>(
    'load_partitions',
    `select id as "of", seq as head, executors, holds, (run).*
     from load_partitions($1::int2[], $2::int8[], $3::int4)`,
    [partitions.map((each) => each.partition), partitions.map((each) => each.epoch), window],
  );
  const runs = rows.filter((row) => row.id !== null) as unknown as ReadRow[];
  const found = await specifications.find(connection, runs);
  const told = JSON.parse(rows[0]?.holds ?? '[]') as HoldTuple[];
  const holds = new Map(told.map(([job, by, reason]) => [job, holdOf(by, reason)]));
  const loaded = new Map<number, LoadedPartition & { readonly cells: Cell[] }>();
  for (const { of, head, executors } of rows) {
    if (of === null || head === null) continue;
    const list = JSON.parse(executors ?? '[]') as ExecutorTuple[];
    loaded.set(of, { seq: head, cells: [], holds: new Map(holds), executors: list.map(toCell) });
  }
  for (const run of runs) loaded.get(run.partition)?.cells.push(cellIn(run, found));
  return loaded;
}

const toCell = ([id, pool, state, incarnation, since, record]: ExecutorTuple): ExecutorCell =>
  executorOf({ id, pool, state, incarnation, since, record });

export async function loadLane(
  connection: Connection,
  { partition, lane, window }: LanePage,
  specifications: Specifications,
): Promise<Cell[]> {
  const rows = await connection.query<ReadRow>(
    'load_lane',
    'select * from load_lane($1::int2, $2::int8, $3::int4)',
    [partition, lane, window],
  );
  const found = await specifications.find(connection, rows);
  return rows.map((row) => cellIn(row, found));
}

interface LaneRow extends Record<string, unknown> {
  readonly id: string;
  readonly lane: string;
  readonly rank: number;
  readonly taken: boolean;
  readonly is_open: boolean;
  readonly is_in_inbox: boolean;
}

/** A page of what stands in the lanes, in the order of the index. */
export async function loadLanes(
  connection: Connection,
  { partition, epoch, after, window }: LanesPage,
): Promise<AuditedRow[]> {
  const from = after ?? { lane: '-1', rank: 0, id: FIRST_ID };
  const rows = await connection.query<LaneRow>(
    'load_lanes',
    'select * from load_lanes($1::int2, $2::int8, $3::int8, $4::int8, $5::uuid, $6::int4)',
    [partition, epoch, from.lane, from.rank, from.id, window],
  );
  return rows.map(({ id, lane, rank, taken, is_open: isOpen, is_in_inbox: isInInbox }) => {
    return { id, lane, rank, taken, isOpen, isInInbox };
  });
}

export async function loadExpiries(
  connection: Connection,
  { partition, after, window }: ExpiriesPage,
): Promise<Expiry[]> {
  return await connection.query<{ id: string; expires: number }>(
    'load_expiries',
    'select * from load_expiries($1::int2, $2::float8, $3::int4)',
    [partition, after, window],
  );
}

/** By id: the live row, or what the final one is; a run in neither does not exist. */
export async function fetchRuns(
  connection: Connection,
  ids: readonly string[],
  specifications: Specifications,
): Promise<Fetched> {
  const list = `{${ids.join(',')}}`;
  const live = new Map<string, LoadedRun>();
  const rows = await connection.query<ReadRow>(
    'load_by_id',
    'select * from load_by_id($1::uuid[])',
    [list],
  );
  const found = await specifications.find(connection, rows);
  for (const row of rows) live.set(row.id, loadedIn(row, found));
  const final = new Map<string, FinalRun>();
  const rest = ids.filter((id) => !live.has(id));
  if (rest.length > 0) {
    type Ended = { id: string; state: number; project: string; job: string | null };
    const text = 'select * from load_final($1::uuid[])';
    const ended = await connection.query<Ended>('load_final', text, [`{${rest.join(',')}}`]);
    for (const { id, state, project, job } of ended) {
      final.set(id, { state: nameOf(RUN_STATES, state), project, job });
    }
  }
  return { live, final };
}

export async function fetchParams(
  connection: Connection,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.query<{ id: string; params: string | null }>(
    'load_bodies',
    'select * from load_bodies($1::uuid[])',
    [`{${ids.join(',')}}`],
  );
  return new Map(rows.map((row) => [row.id, row.params ?? 'null']));
}

export const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** What is left in the inboxes of these partitions, each after its last id, oldest first. */
export async function sweepInbox(
  connection: Connection,
  from: readonly { readonly partition: number; readonly after: string }[],
  each: number,
  specifications: Specifications,
): Promise<InboxRow[]> {
  const rows = await connection.query<
    ReadRow & { inbox_partition: number; inbox_id: string; inbox_kind: number } & {
      ref: string | null;
      payload: string | null;
      tries: number;
    }
  >('sweep_inbox', 'select (inbox).*, (run).* from sweep_inbox($1::int2[], $2::uuid[], $3::int4)', [
    `{${from.map((f) => f.partition).join(',')}}`,
    `{${from.map((f) => f.after).join(',')}}`,
    each,
  ]);
  const isRun = (row: RunRow): boolean => (row.id as string | null) !== null;
  const found = await specifications.find(connection, rows.filter(isRun));
  return rows.map((row) => ({
    partition: row.inbox_partition,
    id: row.inbox_id,
    kind: row.inbox_kind,
    ref: row.ref,
    payload: row.payload,
    tries: row.tries,
    run: isRun(row) ? loadedIn(row, found) : undefined,
  }));
}
