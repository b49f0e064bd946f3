import { type Reader, ms, utf8, uuidArray } from './reader.js';

export interface LogRow {
  /** Its place in the log of its run: who has seen it has seen all that is below it. */
  readonly seq: number;
  readonly attempt: number;
  readonly stream: number;
  readonly offset: number;
  readonly atMs: number;
  readonly text: string;
  /** So many bytes of its stream had not arrived before it; null when none is missing. */
  readonly gap: number | null;
}

/** What is asked of the log of one run. */
export interface LogKey {
  readonly project: string;
  readonly run: string;
  /** null: of all. */
  readonly attempt: number | null;
  /** A `seq`; 0 is before the first. */
  readonly after: number;
}

/** All of it as it was at one moment. */
export interface LogPage {
  readonly rows: readonly LogRow[];
  /** The last `seq` of the run, whichever attempt's; 0 when nothing was written. */
  readonly head: number;
  readonly isFinal: boolean;
}

type Found = { readonly n: number; readonly head: number; readonly isFinal: boolean } & {
  readonly [name in keyof LogRow]: LogRow[name] | null;
};

/** A page for each key, in one statement. */
export async function readLogs(
  reader: Reader,
  keys: readonly LogKey[],
  limit: number,
): Promise<LogPage[]> {
  const found = await reader.scoped<Found>(
    [...new Set(keys.map(({ project }) => project))],
    `select k.n::int4 as n, coalesce((select h.seq from log_chunk h where h.run = k.run
          order by h.seq desc limit 1), 0) as head,
        (select l.id from live l where l.id = k.run) is null as "isFinal", c.*
      from unnest($2::uuid[], $3::int4[], $4::int8[]) with ordinality k(run, attempt, after, n)
      left join lateral (
        select c.seq, c.attempt, c.stream, c."offset", ${ms('c.at')} as "atMs",
            ${utf8('c.body')} as text, c.gap
          from log_chunk c where c.run = k.run and c.seq > k.after
            and (k.attempt is null or c.attempt = k.attempt)
          order by c.seq limit $5::int4) c on true
      order by k.n, c.seq`,
    [
      uuidArray(keys.map(({ run }) => run)),
      `{${keys.map(({ attempt }) => attempt ?? 'NULL').join(',')}}`,
      `{${keys.map(({ after }) => after).join(',')}}`,
      limit,
    ],
  );
  const pages = keys.map(() => ({ rows: [] as LogRow[], head: 0, isFinal: false }));
  for (const { n, head, isFinal, ...row } of found) {
    const page = pages[n - 1];
    if (page === undefined) throw new Error(`a log was answered that nobody asked for: ${n}`);
    Object.assign(page, { head, isFinal });
    if (isRow(row)) page.rows.push(row);
  }
  return pages;
}

/** Of a log in which nothing follows, the join leaves one row of nulls. */
const isRow = (row: { readonly seq: number | null }): row is LogRow => row.seq !== null;
