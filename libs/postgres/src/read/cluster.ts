import {
  CLUSTER_EVENT_KINDS,
  type ClusterEventKind,
  type CommandOutcome,
  type NodeStats,
} from '#core';
import { type Reader, ms, utf8, uuidArray } from './reader.js';

export interface ExecutorRecordRow {
  readonly id: string;
  readonly pool: string;
  readonly state: number;
  readonly since: number;
  /** JSON text: `{session, detail}`. */
  readonly record: string;
}
export interface PartitionRow {
  readonly id: number;
  readonly epoch: number;
  readonly owner: string | null;
  readonly seq: number;
  readonly since: number;
  /** How many owners in a row gave it up within the last minutes, and why the last did. */
  readonly gaveUp: number;
  readonly gaveUpWhy: string | null;
}
export interface NodeRow {
  readonly thread: string;
  readonly scheduler: string;
  readonly seen: number;
  readonly ageMs: number;
  /** Null: it has not said how it does. */
  readonly stats: NodeStats | null;
}
/** Something that happened to the ownership of a partition. */
export interface ClusterEventRow {
  readonly id: number;
  readonly partition: number;
  readonly epoch: number;
  readonly kind: ClusterEventKind;
  readonly at: number;
  readonly thread: string;
  /** Who owned it until then; null: nobody, or it is no claim. */
  readonly before: string | null;
  readonly reason: string | null;
  /** Of a fence: what was refused. */
  readonly events: number | null;
  readonly granted: number | null;
  readonly finished: number | null;
}
export interface ClusterEventsRequest {
  readonly partition: number | null;
  /** Null: of any kind. */
  readonly kinds: readonly ClusterEventKind[] | null;
  /** The id of the last one of the page before. */
  readonly after: number | null;
  readonly limit: number;
}
type Row<T> = T & Record<string, unknown>;

const EXECUTOR = `e.id, e.pool, e.state, ${ms('e.since')} as since, ${utf8('e.record')} as record`;

export async function listExecutors(
  reader: Reader,
  page: { readonly after: string | null; readonly limit: number },
): Promise<ExecutorRecordRow[]> {
  return await reader.query<Row<ExecutorRecordRow>>(
    `select ${EXECUTOR} from executor e where $1::text is null or e.id > $1::text
      order by e.id limit $2::int4`,
    [page.after, page.limit],
  );
}

export async function findExecutors(
  reader: Reader,
  ids: readonly string[],
): Promise<ExecutorRecordRow[]> {
  return await reader.query<Row<ExecutorRecordRow>>(
    `select ${EXECUTOR} from executor e where e.id = any ($1::text[])`,
    [ids],
  );
}

export async function readPartitions(reader: Reader): Promise<PartitionRow[]> {
  return await reader.query<Row<PartitionRow>>(
    `select q.id, q.epoch, q.owner, q.seq, ${ms('q.since')} as since,
        case when w.wound then q.gave_up else 0 end as "gaveUp",
        case when w.wound then q.gave_up_why end as "gaveUpWhy"
      from partition q cross join lateral (select
        coalesce(q.gave_up_at > clock_timestamp() - interval '5 minutes'
          and (q.owner is null or q.since > clock_timestamp() - interval '1 minute'), false)
          as wound) w
      order by q.id`,
    [],
  );
}

export async function readNodes(reader: Reader): Promise<NodeRow[]> {
  return await reader.query<Row<NodeRow>>(
    `select n.thread, n.scheduler, ${ms('n.seen')} as seen, n.stats::json as stats,
        ${ms('clock_timestamp() - n.seen')} as "ageMs"
      from node n where n.seen > now() - interval '1 hour' order by n.scheduler, n.thread`,
    [],
  );
}

/** The newest first. */
export async function listClusterEvents(
  reader: Reader,
  { partition, kinds, after, limit }: ClusterEventsRequest,
): Promise<ClusterEventRow[]> {
  const codes = kinds?.map((kind) => CLUSTER_EVENT_KINDS.indexOf(kind)) ?? null;
  const rows = await reader.query<Row<Omit<ClusterEventRow, 'kind'> & { kind: number }>>(
    `select c.id, c.partition, c.epoch, c.kind, ${ms('c.at')} as at, c.thread, c.before, c.reason,
        c.events, c.granted, c.finished
      from cluster_event c
      where ($1::int8 is null or c.id < $1::int8) and ($2::int4 is null or c.partition = $2::int4)
        and ($3::int4[] is null or c.kind = any ($3::int4[]))
      order by c.id desc limit $4::int4`,
    [after, partition, codes, limit],
  );
  return rows.map((row) => ({ ...row, kind: CLUSTER_EVENT_KINDS[row.kind] ?? 'CLAIMED' }));
}

/** How long the oldest of what its owner has not taken in stands in each inbox; none: absent. */
export async function readLags(reader: Reader): Promise<ReadonlyMap<number, number>> {
  const rows = await reader.query<{ id: number; lag: number | null }>(
    'select * from read_lags()',
    [],
  );
  return new Map(rows.flatMap(({ id, lag }) => (lag === null ? [] : [[id, lag]])));
}

/** What became of commands that were applied; the others are missing. */
export async function findAnswers(
  reader: Reader,
  commands: readonly string[],
): Promise<ReadonlyMap<string, CommandOutcome>> {
  const rows = await reader.query<{ command: string; outcome: string }>(
    `select a.command, ${utf8('a.outcome')} as outcome from answer a
      where a.command = any ($1::uuid[])`,
    [uuidArray(commands)],
  );
  return new Map(rows.map((row) => [row.command, JSON.parse(row.outcome) as CommandOutcome]));
}

/** The database's clock, in milliseconds: also the shortest proof that it answers. */
export async function readClock(reader: Reader): Promise<number> {
  const [row] = await reader.query<{ at: number }>(`select ${ms('clock_timestamp()')} as at`, []);
  return row?.at ?? 0;
}
