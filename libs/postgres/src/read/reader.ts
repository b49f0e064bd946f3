import pg from 'pg';
import { type ConnectionOptions, clientConfig } from '../connection.js';

const CONNECTIONS = 8;
const STATEMENT_DEADLINE_MS = 5_000;

export interface ReaderOptions extends Pick<ConnectionOptions, 'url' | 'name'> {
  readonly role: 'orrery_gateway_read' | 'orrery_feed';
  readonly connections?: number;
}

/** A small pool for reads, each with a deadline on both sides. It can write nothing. */
export class Reader {
  private readonly pool: pg.Pool;

  constructor(options: ReaderOptions) {
    const { url, name, role } = options;
    const config = clientConfig({ url, name, role: 'none' });
    const settings = [
      `role=${role}`,
      'default_transaction_read_only=on',
      `statement_timeout=${STATEMENT_DEADLINE_MS}`,
      // It cannot know how many rows a scope leaves, takes too few for granted, and would read and
      // sort all of `live` for the newest fifty.
      'enable_seqscan=off',
      'enable_bitmapscan=off',
      // Without a value of its own the setting reads '' after a transaction, which is no array.
      'orrery.projects={}',
    ];
    this.pool = new pg.Pool({
      ...config,
      options: [config.options, ...settings.map((setting) => `-c ${setting}`)].join(' '),
      max: options.connections ?? CONNECTIONS,
      query_timeout: STATEMENT_DEADLINE_MS + 1_000,
    });
    this.pool.on('error', () => undefined); // an idle one was lost: the next read connects anew
  }

  async query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<R[]> {
    return (await this.pool.query<R>(text, [...values])).rows;
  }

  /**
   * A read of tenant tables: `$1` is taken, the query's own values begin with `$2`. The setting
   * holds in this one statement; the lateral join makes PostgreSQL set it before it reads a row,
   * as the row-level security needs it.
   */
  async scoped<R extends pg.QueryResultRow>(
    projects: readonly string[],
    text: string,
    values: readonly unknown[],
  ): Promise<R[]> {
    return await this.query<R>(gated(text), [uuidArray(projects), ...values]);
  }

  async stop(): Promise<void> {
    if (!this.pool.ended && !this.pool.ending) await this.pool.end();
  }
}

/** Lateral and with an offset, so that it is planned as it stands: the scope first. */
export const gated = (text: string): string => `with scope as materialized (
    select set_config('orrery.projects', $1, true) as projects)
  select q.* from scope cross join lateral (
    select i.* from (${text}) i where scope.projects is not null offset 0) q`;

export const uuidArray = (ids: readonly string[]): string => `{${ids.join(',')}}`;

/** In SQL: a time in milliseconds, a body as text. */
export const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;
export const utf8 = (column: string): string => `convert_from(${column}, 'UTF8')`;
