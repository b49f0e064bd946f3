import { type Reader, utf8, uuidArray } from './reader.js';

/** A run whose result stands for all that ask for the same. */
export interface CachedRun {
  readonly run: string;
  /** JSON text. */
  readonly result: string | null;
}

/** By key; what has expired, or is past its retention, is not there. */
export async function findCached(
  reader: Reader,
  project: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, CachedRun>> {
  const rows = await reader.scoped<CachedRun & { key: string } & Record<string, unknown>>(
    [project],
    `select c.key, c.run, ${utf8('h.result')} as result
      from unnest($3::uuid[]) x(key)
      join result_cache c on c.project = $2 and c.key = x.key and c.expires > now()
      cross join lateral (select r.result from history r where r.id = c.run limit 1) h`,
    [project, uuidArray(keys)],
  );
  return new Map(rows.map((row) => [row.key, row]));
}
