import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { Connection } from '../connection.js';
import {
  JOURNAL_PAGES,
  type JournalBounds,
  readHeads,
  readJournal,
  readOldest,
} from './journal.js';

const BOUNDS: JournalBounds = { segments: 10, bytes: 1_000 };
let database: TestDatabase;
let connection: Connection;

beforeAll(async () => {
  database = await startTestDatabase(4);
  const { admin, url } = database;
  connection = new Connection({ url, role: 'orrery_feed', name: 'orrery/test', pinned: true });
  // Partition 1: 1..3, 4..4, 5..9, on three days; partition 2: thousands of single events.
  await admin.query(`insert into journal (partition, seq, n, at, events) values
    (1, 1, 3, now() - interval '1 day', 'one'), (1, 4, 1, now(), 'two'),
    (1, 5, 5, now() + interval '1 day', 'three')`);
  await admin.query(`insert into journal (partition, seq, n, at, events)
    select 2, i, 1, now() - interval '1 hour' + i * interval '1 s', repeat('x', 100)::bytea
    from generate_series(11, 20000) i`);
  await admin.query(
    'update partition set seq = case id when 1 then 9 when 2 then 20000 else 0 end',
  );
  await admin.query('analyze journal');
});
afterAll(async () => {
  await connection.stop();
  await database.stop();
});

const texts = async (partition: number, after: number, bounds = BOUNDS): Promise<string[]> => {
  const [page] = await readJournal(connection, [{ partition, after }], bounds);
  return (page?.segments ?? []).map(({ seq, n, text }) => `${seq}+${n} ${text.slice(0, 5)}`);
};

describe('the journal, read', () => {
  it.each([
    [0, ['1+3 one', '4+1 two', '5+5 three']],
    [2, ['1+3 one', '4+1 two', '5+5 three']],
    [3, ['4+1 two', '5+5 three']],
    [4, ['5+5 three']],
    [8, ['5+5 three']],
    [9, []],
    [99, []],
  ])('after %i: from the segment that holds the next', async (after, expected) => {
    expect(await texts(1, after)).toEqual(expected);
  });

  it('a page is bounded by segments and by bytes, and never empty for it', async () => {
    expect(await texts(2, 500, { segments: 3, bytes: 1_000 })).toHaveLength(3);
    expect(await texts(2, 500, { segments: 10, bytes: 450 })).toHaveLength(5);
    expect(await texts(2, 500, { segments: 10, bytes: 1 })).toHaveLength(1);
  });

  it('one statement for many partitions, each with its head, no unknown one', async () => {
    const places = [1, 2, 3, 77].map((partition) => ({ partition, after: 0 }));
    const pages = await readJournal(connection, places, BOUNDS);
    expect(pages.map(({ partition, head }) => [partition, head])).toEqual([
      [1, 9],
      [2, 20_000],
      [3, 0],
    ]);
    // What was before has been dropped: who reads sees the hole.
    expect(pages[1]?.segments[0]?.seq).toBe(11);
  });

  it('heads come with the life, also of no partition', async () => {
    const { life } = database;
    expect(await readHeads(connection, [2, 1])).toEqual({
      life,
      heads: [
        { partition: 1, seq: 9 },
        { partition: 2, seq: 20_000 },
      ],
    });
    expect(await readHeads(connection, [])).toEqual({ life, heads: [] });
  });

  it('the oldest place of each partition', async () => {
    expect((await readOldest(connection)).map(({ seq }) => seq)).toEqual([0, 0, 10, 0]);
  });

  it('begins at the place: no scan of what lies before', async () => {
    const explain = `explain (analyze, format text, costs off) ${JOURNAL_PAGES}`;
    const rows = await connection.query<{ 'QUERY PLAN': string }>('explain', explain, [
      [2],
      [19_990],
      10,
      100_000,
    ]);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).not.toMatch(/Seq Scan on journal/);
    expect(plan).toMatch(/Index Scan using journal_\w+_pkey/);
    const removed = [...plan.matchAll(/Rows Removed by Filter: (\d+)/g)].map(([, n]) => Number(n));
    expect(Math.max(0, ...removed)).toBeLessThan(5);
  });
});
