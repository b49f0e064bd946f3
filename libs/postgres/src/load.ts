import {
  type Cell,
  type FinalRun,
  type Hold,
  JOB_KINDS,
  RUN_STATES,
  type RunRecord,
  type Token,
} from '#core';
import type { Connection } from './connection.js';
import type { FoundSpecifications, Specifications } from './specifications.js';

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
  [column: string]: unknown;
}

export interface LoadedRun {
  readonly cell: Cell;
  readonly taken: boolean;
}

const at = <T>(names: readonly T[], code: number): T => {
  const name = names[code];
  if (name === undefined) throw new Error(`unknown code ${code}: written by a newer version?`);
  return name;
};

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

export function toLoaded(row: RunRow, specifications: FoundSpecifications): LoadedRun {
  const record: RunRecord =
    row.record === null ? { attempts: [], seqs: [] } : JSON.parse(row.record);
  return {
    taken: row.taken,
    cell: {
      facts: {
        id: row.id,
        partition: row.partition,
        project: row.project,
        job: row.job,
        jobVersion: row.job_version,
        spec: row.spec,
        kind: at(JOB_KINDS, row.kind),
        pool: row.pool,
        need: row.need,
        priority: row.priority,
        due: row.due,
        expires: row.expires,
        submittedAt: row.submitted,
        dedup: row.dedup,
        cache: row.cache,
        policy: specifications.policy(row.project, row.spec),
        params: row.params_left ? undefined : (row.params ?? 'null'),
      },
      state: at(RUN_STATES, row.state),
      lane: row.is_open ? null : row.lane,
      rank: row.rank,
      readyAt: row.ready,
      startedAt: row.started,
      attempt: row.attempt,
      spent: row.spent,
      token: tokenOf(row),
      record,
    },
  };
}

export interface LoadedPartition {
  readonly seq: number;
  readonly executors: readonly LoadedExecutor[];
  readonly holds: ReadonlyMap<string, Hold>;
}
export interface LoadedExecutor {
  readonly id: string;
  readonly pool: string;
  readonly state: number;
  readonly incarnation: number;
  readonly since: number;
  readonly record: string;
}

export const holdOf = (by: string | null, reason: string | null): Hold => ({
  by: by ?? 'somebody',
  reason: reason ?? '',
});

/** Undefined: the partition is no longer at this epoch. */
export async function loadPartition(
  connection: Connection,
  partition: number,
  epoch: number,
): Promise<LoadedPartition | undefined> {
  const [row] = await connection.query<{
    seq: number | null;
    executors: [string, string, number, number, number, string][] | string | null;
    holds: string | null;
  }>('load_partition', 'select * from load_partition($1::int2, $2::int8)', [partition, epoch]);
  if (row === undefined || row.seq === null) return undefined;
  const list = typeof row.executors === 'string' ? JSON.parse(row.executors) : row.executors;
  const executors = (list ?? []) as [string, string, number, number, number, string][];
  const holds = JSON.parse(row.holds ?? '[]') as [string, string | null, string | null][];
  return {
    seq: row.seq,
    holds: new Map(holds.map(([job, by, reason]) => [job, holdOf(by, reason)])),
    executors: executors.map(([id, pool, state, incarnation, since, record]) => ({
      id,
      pool,
      state,
      incarnation,
      since,
      record,
    })),
  };
}

export async function loadRuns(
  connection: Connection,
  partition: number,
  epoch: number,
  window: number,
  specifications: Specifications,
): Promise<LoadedRun[]> {
  const rows = await connection.query<RunRow>(
    'load_runs',
    'select * from load_runs($1::int2, $2::int8, $3::int4)',
    [partition, epoch, window],
  );
  const found = await specifications.find(connection, rows);
  return rows.map((row) => toLoaded(row, found));
}

export async function loadLane(
  connection: Connection,
  partition: number,
  lane: string,
  window: number,
  specifications: Specifications,
): Promise<LoadedRun[]> {
  const rows = await connection.query<RunRow>(
    'load_lane',
    'select * from load_lane($1::int2, $2::int8, $3::int4)',
    [partition, lane, window],
  );
  const found = await specifications.find(connection, rows);
  return rows.map((row) => toLoaded(row, found));
}

export interface Expiry {
  readonly id: string;
  readonly expires: number;
}

export async function loadExpiries(
  connection: Connection,
  partition: number,
  after: number,
  window: number,
): Promise<Expiry[]> {
  return await connection.query<{ id: string; expires: number }>(
    'load_expiries',
    'select * from load_expiries($1::int2, $2::float8, $3::int4)',
    [partition, after, window],
  );
}

export interface Fetched {
  readonly live: ReadonlyMap<string, LoadedRun>;
  readonly final: ReadonlyMap<string, FinalRun>;
}

/** By id: the live row, or what the final one is; a run in neither does not exist. */
export async function fetchRuns(
  connection: Connection,
  ids: readonly string[],
  specifications: Specifications,
): Promise<Fetched> {
  const list = `{${ids.join(',')}}`;
  const live = new Map<string, LoadedRun>();
  const rows = await connection.query<RunRow>(
    'load_by_id',
    'select * from load_by_id($1::uuid[])',
    [list],
  );
  const found = await specifications.find(connection, rows);
  for (const row of rows) live.set(row.id, toLoaded(row, found));
  const final = new Map<string, FinalRun>();
  const rest = ids.filter((id) => !live.has(id));
  if (rest.length > 0) {
    type Ended = { id: string; state: number; project: string; job: string | null };
    const text = 'select * from load_final($1::uuid[])';
    const ended = await connection.query<Ended>('load_final', text, [`{${rest.join(',')}}`]);
    for (const { id, state, project, job } of ended) {
      final.set(id, { state: at(RUN_STATES, state), project, job });
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

export const INBOX_SUBMIT = 0;
export const INBOX_COMMAND = 1;
export const INBOX_JOB = 2;

export interface InboxRow {
  readonly partition: number;
  readonly id: string;
  readonly kind: number;
  readonly ref: string | null;
  readonly payload: string | null;
  readonly tries: number;
  readonly run: LoadedRun | undefined;
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
    RunRow & { inbox_partition: number; inbox_id: string; inbox_kind: number } & {
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
    run: isRun(row) ? toLoaded(row, found) : undefined,
  }));
}
