import { type Reader, uuidArray } from './reader.js';

/**
 * The runs whose results stand, by key; one that has expired is none, nor one that may be dropped
 * before whoever asks is taken in.
 */
export async function findCached(
  reader: Reader,
  project: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await reader.scoped<{ key: string; run: string } & Record<string, unknown>>(
    [project],
    `select c.key, c.run from unnest($3::uuid[]) x(key)
      join result_cache c on c.project = $2 and c.key = x.key and c.expires > now()
      cross join lateral (select r.id from history r
        where r.id = c.run and r.drop_at > now() + interval '1 day' limit 1) h`,
    [project, uuidArray(keys)],
  );
  return new Map(rows.map(({ key, run }) => [key, run]));
}
