import type { Connection } from '../connection.js';

/** Everything after `after` is wanted. */
export interface JournalPlace {
  readonly partition: number;
  readonly after: number;
}
export interface JournalSegment {
  /** Of its first event. */
  readonly seq: number;
  readonly n: number;
  readonly text: string;
}
/** What one partition had after a place; there is more when the last segment ends below `head`. */
export interface JournalPage extends JournalPlace {
  /** The newest committed seq, in the same snapshot as the segments. */
  readonly head: number;
  readonly segments: readonly JournalSegment[];
}
/** Of one partition in one page. A segment above `bytes` comes alone. */
export interface JournalBounds {
  readonly segments: number;
  readonly bytes: number;
}
export interface JournalHead {
  readonly partition: number;
  readonly seq: number;
}

const HEADS_DEADLINE_MS = 2_000;
const PAGES_DEADLINE_MS = 5_000;

/**
 * The segment that holds the place is the last one that begins at or below it: found from the key,
 * so that the scan begins there and not at the partition's first segment.
 */
export const JOURNAL_PAGES = `
  select w.partition, w.after, p.seq as head, j.seq, j.n, convert_from(j.events, 'UTF8') as text
  from unnest($1::int2[], $2::int8[]) w(partition, after)
  join partition p on p.id = w.partition
  left join lateral (
    select b.seq, b.n, b.events from (
      select c.seq, c.n, c.events,
        sum(octet_length(c.events)) over (order by c.seq) - octet_length(c.events) as before
      from (
        select s.seq, s.n, s.events from journal s
        where s.partition = w.partition and s.seq + s.n > w.after + 1
          and s.seq >= coalesce((
            select f.seq from journal f where f.partition = w.partition and f.seq <= w.after + 1
            order by f.seq desc limit 1), 0)
        order by s.seq limit $3::int4) c) b
    where b.before < $4::int8) j on true
  order by w.partition, j.seq`;

interface PageRow {
  readonly partition: number;
  readonly after: number;
  readonly head: number;
  readonly seq: number | null;
  readonly n: number | null;
  readonly text: string | null;
}

/**
 * One statement and one snapshot, for any number of partitions. Unknown ones are left out. Not sent
 * any more when `signal` has been given by its turn.
 */
export async function readJournal(
  connection: Connection,
  places: readonly JournalPlace[],
  bounds: JournalBounds,
  signal?: AbortSignal,
): Promise<JournalPage[]> {
  const values = [
    places.map((place) => place.partition),
    places.map((place) => place.after),
    bounds.segments,
    bounds.bytes,
  ];
  const rows = await connection.query<PageRow>(
    'journal',
    JOURNAL_PAGES,
    values,
    PAGES_DEADLINE_MS,
    signal,
  );
  const pages = new Map<number, JournalPage & { readonly segments: JournalSegment[] }>();
  for (const { partition, after, head, seq, n, text } of rows) {
    const page = pages.get(partition) ?? { partition, after, head, segments: [] };
    pages.set(partition, page);
    if (seq !== null && n !== null && text !== null) page.segments.push({ seq, n, text });
  }
  return [...pages.values()];
}

/** The life is read with the heads: after a restore the old heads mean nothing. */
export async function readHeads(
  connection: Connection,
  partitions: readonly number[],
): Promise<{ readonly life: string; readonly heads: readonly JournalHead[] }> {
  const rows = await connection.query<JournalHead & { readonly life: string }>(
    'journal_heads',
    `select p.id as partition, p.seq, i.life from installation i
     left join partition p on p.id = any ($1::int2[]) order by p.id`,
    [partitions],
    HEADS_DEADLINE_MS,
  );
  const [first] = rows;
  if (first === undefined) throw new Error('the database is not migrated: orrery migrate');
  const heads = rows.map(({ partition, seq }) => ({ partition, seq }));
  return { life: first.life, heads: heads.filter((head) => head.partition !== null) };
}

/** After which seq of each partition everything is still in the journal, in order of the ids. */
export async function readOldest(connection: Connection): Promise<JournalHead[]> {
  return await connection.query<JournalHead>(
    'journal_oldest',
    `select p.id as partition, coalesce((
       select s.seq - 1 from journal s where s.partition = p.id order by s.seq limit 1), p.seq)
       as seq
     from partition p order by p.id`,
    [],
    PAGES_DEADLINE_MS,
  );
}
