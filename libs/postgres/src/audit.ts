import pg from 'pg';
import { clientConfig } from './connection.js';
import type { JournalSegment } from './read/journal.js';
import { ms, utf8, uuidArray } from './read/reader.js';

const DEADLINE_MS = 60_000;

/** What the journal of a partition has since a time: from its first seq there to its head. */
export interface AuditSpan {
  /** Null: nothing was written since. */
  readonly first: number | null;
  readonly head: number;
}
/** Where a run stands by its rows, of which there should be one. */
export interface AuditPlace {
  readonly id: string;
  readonly live: number;
  readonly final: number;
  readonly state: number | null;
  readonly attempt: number | null;
  readonly submittedAt: number | null;
}
export interface AuditRow {
  readonly id: string;
  readonly partition: number;
  readonly taken: boolean;
  /** JSON text. */
  readonly record: string | null;
}
/** What the row says of itself is to be found there: an event of it, or else its inbox row. */
export interface AuditClaim {
  readonly id: string;
  readonly partition: number;
  /** Of its first event; null: it is not taken in. */
  readonly first: number | null;
}
export interface AuditKey {
  readonly project: string;
  readonly operation: string;
  readonly key: string;
  readonly ref: string;
  readonly found: boolean;
}

const SPAN = `
  select q.seq as head, (select j.seq from journal j
      where j.partition = q.id and j.at >= to_timestamp($2::float8 / 1000)
      order by j.seq limit 1) as first
    from partition q where q.id = $1::int2`;
const SEGMENTS = `
  select j.seq, j.n, ${utf8('j.events')} as text from journal j
    where j.partition = $1::int2 and j.seq >= $2::int8
      and j.at >= to_timestamp($3::float8 / 1000)
    order by j.seq limit $4::int4`;
const PLACES = `
  select x.id, l.n as live, h.n as final, coalesce(o.state, l.state, h.state) as state,
      coalesce(o.attempt, l.attempt, h.attempt) as attempt,
      ${ms('coalesce(l.at, h.at)')} as "submittedAt"
    from unnest($2::uuid[]) x(id)
    cross join lateral (select count(*)::int4 as n, max(r.state) as state,
      max(r.attempt) as attempt, max(r.submitted_at) as at from live r where r.id = x.id) l
    cross join lateral (select count(*)::int4 as n, max(r.state) as state,
      max(r.attempt) as attempt, max(r.submitted_at) as at from history r where r.id = x.id) h
    left join open_attempt o on o.partition = $1::int2 and o.run = x.id`;
const ROWS = `
  select r.id, r.partition, r.taken, ${utf8('r.record')} as record from (
    (select l.id, l.partition, l.taken, l.record from run_now l
      where l.id > $1::uuid and l.submitted_at >= to_timestamp($2::float8 / 1000)
      order by l.id limit $3::int4)
    union all
    (select h.id, h.partition, true, h.record from history h
      where h.id > $1::uuid and h.submitted_at >= to_timestamp($2::float8 / 1000)
      order by h.id limit $3::int4)) r
    order by r.id limit $3::int4`;
const UNTOLD = `
  select x.id from unnest($1::uuid[], $2::int2[], $3::int8[]) x(id, partition, first)
    where not case when x.first is null
      then exists (select from inbox b where b.partition = x.partition and b.id = x.id)
      else exists (
        select from (select q.seq, q.n, q.events from journal q
            where q.partition = x.partition and q.seq <= x.first order by q.seq desc limit 1) j
          where x.first < j.seq + j.n
            and position(convert_to(x.id::text, 'UTF8') in j.events) > 0) end`;
const KEYS = `
  select i.project, i.operation, i.key, i.ref,
      exists (select from live r where r.id = i.ref)
      or exists (select from history r where r.id = i.ref)
      or exists (select from answer a where a.command = i.ref)
      or exists (select from bulk b where b.id = i.ref)
      or exists (select from partition q join inbox b on b.partition = q.id and b.id = i.ref)
      as found
    from idempotency i
    where (i.project, i.operation, i.key) > ($1::uuid, $2, $3)
      and i.expires >= to_timestamp($4::float8 / 1000) + interval '24 hours'
    order by i.project, i.operation, i.key limit $5::int4`;

/**
 * Reads everything there is about runs, whosever they are, and can write nothing. What is asked
 * within one `snapshot` is answered from one state of the database.
 */
export class AuditReader {
  private constructor(private readonly client: pg.Client) {}

  static async open(url: string): Promise<AuditReader> {
    const options = { url, name: 'orrery/audit', role: 'none' } as const;
    const client = new pg.Client({ ...clientConfig(options), query_timeout: DEADLINE_MS });
    client.on('error', () => undefined); // the statement that is under way says it
    await client.connect();
    return new AuditReader(client);
  }

  async stop(): Promise<void> {
    await this.client.end();
  }

  async snapshot<T>(read: () => Promise<T>): Promise<T> {
    await this.client.query('begin isolation level repeatable read read only');
    try {
      // The one role that sees every project; it is in a transaction that cannot write.
      await this.client.query('set local role orrery_writer');
      await this.client.query('set local enable_seqscan = off');
      return await read();
    } finally {
      await this.client.query('rollback');
    }
  }

  async partitions(): Promise<readonly number[]> {
    const rows = await this.rows<{ id: number }>('select q.id from partition q order by q.id', []);
    return rows.map(({ id }) => id);
  }

  async span(partition: number, since: number): Promise<AuditSpan> {
    const [row] = await this.rows<AuditSpan>(SPAN, [partition, since]);
    return row ?? { first: null, head: 0 };
  }

  /** Those that begin at or behind a seq, the first of them. */
  async segments(
    partition: number,
    from: number,
    since: number,
    limit: number,
  ): Promise<readonly JournalSegment[]> {
    return await this.rows<JournalSegment>(SEGMENTS, [partition, from, since, limit]);
  }

  async places(partition: number, runs: readonly string[]): Promise<readonly AuditPlace[]> {
    return await this.rows<AuditPlace>(PLACES, [partition, uuidArray(runs)]);
  }

  /** Runs that were submitted since, by id. */
  async submitted(after: string, since: number, limit: number): Promise<readonly AuditRow[]> {
    return await this.rows<AuditRow>(ROWS, [after, since, limit]);
  }

  /** Those of which neither the journal nor an inbox knows. */
  async untold(claims: readonly AuditClaim[]): Promise<ReadonlySet<string>> {
    const rows = await this.rows<{ id: string }>(UNTOLD, [
      uuidArray(claims.map(({ id }) => id)),
      claims.map(({ partition }) => partition),
      claims.map(({ first }) => first),
    ]);
    return new Set(rows.map(({ id }) => id));
  }

  /** What was acknowledged under idempotency keys since, and whether it is there. */
  async keys(
    after: Pick<AuditKey, 'project' | 'operation' | 'key'>,
    since: number,
    limit: number,
  ): Promise<readonly AuditKey[]> {
    const { project, operation, key } = after;
    return await this.rows<AuditKey>(KEYS, [project, operation, key, since, limit]);
  }

  private async rows<R>(text: string, values: readonly unknown[]): Promise<R[]> {
    return (await this.client.query<R & pg.QueryResultRow>(text, [...values])).rows;
  }
}
