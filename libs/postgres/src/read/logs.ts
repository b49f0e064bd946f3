import { type Reader, ms, utf8 } from './reader.js';

/** Where a chunk stands in the log of its run. */
export interface LogPlace {
  readonly attempt: number;
  /** Microseconds: chunks of one batch share it. */
  readonly at: number;
  readonly stream: number;
  readonly offset: number;
}
export interface LogRow extends LogPlace {
  readonly atMs: number;
  readonly text: string;
}
export interface LogPage {
  readonly project: string;
  readonly run: string;
  readonly attempt: number | null;
  readonly after: LogPlace | null;
  readonly limit: number;
}

const MICROS = '(extract(epoch from c.at) * 1000000)::int8';

export async function readLog(reader: Reader, page: LogPage): Promise<LogRow[]> {
  const { after } = page;
  return await reader.scoped<LogRow & Record<string, unknown>>(
    [page.project],
    `select c.attempt, ${MICROS} as at, c.stream, c."offset", ${ms('c.at')} as "atMs",
        ${utf8('c.body')} as text
      from log_chunk c where c.run = $2::uuid and ($3::int4 is null or c.attempt = $3::int4)
        and ($4::int4 is null
          or (c.attempt, ${MICROS}, c.stream, c."offset")
            > ($4::int4, $5::int8, $6::int2, $7::int8))
      order by c.attempt, c.at, c.stream, c."offset" limit $8::int4`,
    [
      page.run,
      page.attempt,
      after?.attempt ?? null,
      after?.at ?? null,
      after?.stream ?? null,
      after?.offset ?? null,
      page.limit,
    ],
  );
}
