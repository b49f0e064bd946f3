import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { Connection } from './connection.js';
import { beginUpkeep, emptyExpired, keepTime, readUpkeep } from './upkeep.js';

let database: TestDatabase;
let connection: Connection;
let other: pg.Client;

const connect = (): Connection =>
  new Connection({ url: database.url, role: 'orrery_scheduler', name: 'orrery/test/upkeep' });

beforeAll(async () => {
  database = await startTestDatabase(4);
  connection = connect();
  other = new pg.Client(database.url);
  await other.connect();
  await other.query('set search_path = orrery');
}, 60_000);
afterAll(async () => {
  await other.end();
  await connection.stop();
  await database.stop();
});
beforeEach(async () => {
  await database.admin.query(
    'truncate journal, history, log_chunk, intake, answer, idempotency, live',
  );
});

async function rows<T>(text: string, values: unknown[] = []): Promise<T[]> {
  const { rows: found } = await database.admin.query(text, values);
  return found as T[];
}
const exists = async (name: string): Promise<boolean> =>
  (await rows<{ it: boolean }>('select to_regclass($1) is not null as it', [name]))[0]?.it === true;

/** `journal_20260501`, so many days from today in UTC. */
async function nameOf(table: string, days: number): Promise<string> {
  const [row] = await rows<{ day: string }>(
    `select to_char((now() at time zone 'utc')::date + $1::int4, 'YYYYMMDD') as day`,
    [days],
  );
  return `${table}_${row?.day}`;
}

/** A partition of days from today, as an earlier version of the program may have left it. */
async function leave(table: string, name: string, from: number, to: number): Promise<void> {
  await rows(`do $$ begin
    set local timezone = 'UTC';
    execute format('create table %I partition of %I for values from (%L) to (%L)',
      '${name}', '${table}', current_date + ${from}, current_date + ${to}); end $$`);
}
const segment = (days: number): string =>
  `insert into journal values (1, 1, 1, now() + interval '${days} days', 'x')`;
const placeOf = async (table: string): Promise<string[]> =>
  (await rows<{ at: string }>(`select tableoid::regclass::text as at from ${table}`)).map(
    ({ at }) => at,
  );

describe('partitions of time', () => {
  test('after a migration there is nothing to do, and two weeks ahead there is room', async () => {
    expect(await readUpkeep(connection)).toEqual({ times: [], strays: [] });
    for (const days of [-1, 0, 14]) {
      expect(await exists(await nameOf('journal', days))).toBe(true);
      expect(await exists(await nameOf('log_chunk', days))).toBe(true);
    }
    // The longest retention of a run, for runs that end two weeks from now.
    const [room] = await rows<{ days: number }>(
      `select max(substring(
      pg_get_expr(c.relpartbound, c.oid) from $1)::timestamptz::date) - current_date as days
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'history'::regclass`,
      [String.raw`TO \('([^']+)'`],
    );
    expect(room?.days).toBeGreaterThanOrEqual(90 + 14);
  });

  test('what is missing is made, as good as its neighbours', async () => {
    const name = await nameOf('journal', 14);
    await rows(`drop table ${name}`);
    expect(await readUpkeep(connection)).toEqual({ times: [{ kind: 'make', name }], strays: [] });
    expect(await keepTime(connection, { kind: 'make', name })).toBe('done');
    expect(await readUpkeep(connection)).toEqual({ times: [], strays: [] });
    await rows(segment(14));
    expect(await placeOf('journal')).toEqual([name]);
    const keys = await rows<{ indexdef: string }>(
      `select replace(indexdef, tablename, 'x') as indexdef from pg_indexes
       where tablename in ($1, $2)`,
      [name, await nameOf('journal', 13)],
    );
    expect(keys).toHaveLength(2);
    expect(keys[0]).toEqual(keys[1]);
    // A second one who wanted to make it finds it.
    expect(await keepTime(connection, { kind: 'make', name })).toBe('done');
  });

  test('rows in the default partition are said, and move to where they belong', async () => {
    const name = await nameOf('journal', 0);
    await rows(`drop table ${name}`);
    await rows(segment(0));
    await rows(`insert into log_chunk values (current_date + 40, gen_random_uuid(), 1, 0, 0, now(),
      gen_random_uuid(), 'x', 1)`);
    expect(await readUpkeep(connection)).toEqual({
      times: [{ kind: 'make', name }],
      strays: [
        { table: 'journal_default', rows: 1 },
        { table: 'log_chunk_default', rows: 1 },
      ],
    });
    await keepTime(connection, { kind: 'make', name });
    expect(await placeOf('journal')).toEqual([name]);
    const { strays } = await readUpkeep(connection);
    expect(strays).toEqual([{ table: 'log_chunk_default', rows: 1 }]);
  });
});

describe('what is past its keeping', () => {
  test('goes with its partition, and its neighbour that is not wholly past stays', async () => {
    await leave('journal', 'journal_old', -32, -31);
    await leave('journal', 'journal_young', -30, -29);
    await leave('log_chunk', 'log_chunk_old', -31, -30);
    await leave('log_chunk', 'log_chunk_young', -30, -29);
    await leave('history', 'history_old', -14, -7);
    const { times } = await readUpkeep(connection);
    const wanted = ['journal_old', 'log_chunk_old', 'history_old'];
    expect(new Set(times.map(({ kind, name }) => `${kind} ${name}`))).toEqual(
      new Set(wanted.map((name) => `drop ${name}`)),
    );
    for (const work of times) expect(await keepTime(connection, work)).toBe('done');
    for (const name of wanted) expect(await exists(name)).toBe(false);
    for (const name of ['journal_young', 'log_chunk_young']) {
      expect(await exists(name)).toBe(true);
      await rows(`drop table ${name}`);
    }
    expect((await readUpkeep(connection)).times).toEqual([]);
    expect(await keepTime(connection, { kind: 'drop', name: 'journal_old' })).toBe('done');
  });

  test('and nothing else does, whoever asks', async () => {
    const [week] = await rows<{ name: string }>(`select to_char(
      date_trunc('week', now() at time zone 'utc'), '"history_"YYYYMMDD') as name`);
    await rows('create table history_apart (id int4)');
    const names = [await nameOf('journal', 0), await nameOf('log_chunk', -1), week?.name ?? ''];
    for (const name of [...names, 'live', 'journal', 'journal_default', 'history_apart']) {
      const refused = keepTime(connection, { kind: 'drop', name });
      await expect(refused).rejects.toMatchObject({ code: 'OR903' });
      expect(await exists(name)).toBe(true);
    }
    await rows('drop table history_apart');
    const odd = keepTime(connection, { kind: 'make', name: 'journal_x' });
    await expect(odd).rejects.toMatchObject({ code: 'OR903' });
  });

  test('goes while a commit holds rows elsewhere', async () => {
    await leave('journal', 'journal_old', -32, -31);
    await other.query('begin');
    try {
      await other.query('select from partition where id = 1 for no key update');
      const dropped = keepTime(connection, { kind: 'drop', name: 'journal_old' });
      expect(await dropped).toBe('done');
    } finally {
      await other.query('rollback');
    }
  });

  test('waits for nobody who holds the table, and lets those behind go on', async () => {
    await leave('journal', 'journal_old', -32, -31);
    await other.query('begin');
    try {
      await other.query(segment(0));
      // On the server: how long commits would queue behind the lock that is asked for.
      const asked = performance.now();
      const busy = keepTime(connection, { kind: 'drop', name: 'journal_old' });
      expect(await busy).toBe('busy');
      expect(performance.now() - asked).toBeLessThan(1_000);
      await rows(segment(0));
      expect(await exists('journal_old')).toBe(true);
    } finally {
      await other.query('rollback');
    }
    expect(await keepTime(connection, { kind: 'drop', name: 'journal_old' })).toBe('done');
    expect(await exists('journal_old')).toBe(false);
  });
});

describe('rows that expired', () => {
  const fill = async (count: number, age: string): Promise<void> => {
    await rows(`insert into intake select gen_random_uuid(), now() - interval '${age}'
      from generate_series(1, ${count})`);
    await rows(`insert into answer select gen_random_uuid(), 1, '{}', now() - interval '${age}'
      from generate_series(1, ${count})`);
    // A key lives for 24 hours: it expires when that has passed since it was taken.
    await rows(`insert into idempotency select gen_random_uuid(), 'submitRun', i::text,
        gen_random_uuid(), gen_random_uuid(), now() - interval '${age}' + interval '24 hours'
      from generate_series(1, ${count}) i`);
  };
  const counts = async (): Promise<number[]> => {
    const [row] = await rows<{ all: number[] }>(`select array[(select count(*) from intake),
      (select count(*) from answer), (select count(*) from idempotency)]::int4[] as all`);
    return row?.all ?? [];
  };

  test('go in bounded batches until none is left; what has not expired stays', async () => {
    await fill(25, '24 hours 1 minute');
    await fill(5, '23 hours 59 minutes');
    expect(await emptyExpired(connection, 10)).toBe(30);
    expect(await counts()).toEqual([20, 20, 20]);
    expect(await emptyExpired(connection, 10)).toBe(30);
    expect(await emptyExpired(connection, 10)).toBe(15);
    expect(await emptyExpired(connection, 10)).toBe(0);
    expect(await counts()).toEqual([5, 5, 5]);
  });

  test('of actions on many runs go a day after their end, and never before it', async () => {
    const bulk = (state: number, age: string): string => `insert into bulk (id, project, request,
        by, last, matched, state, holder, lease_until, at, finished_at)
      select gen_random_uuid(), gen_random_uuid(), '{}', 'x', gen_random_uuid(), 1, ${state}, 'x',
        now(), now() - interval '30 days', now() - interval '${age}'`;
    await rows(bulk(1, '25 hours'));
    await rows(bulk(2, '23 hours'));
    await rows(bulk(0, '25 hours'));
    await rows('update bulk set finished_at = null where state = 0');
    expect(await emptyExpired(connection, 10)).toBe(1);
    expect(await rows('select state from bulk order by 1')).toEqual([{ state: 0 }, { state: 2 }]);
  });

  test('of the cluster the newest 20,000 events stay', async () => {
    await rows(`insert into cluster_event (partition, epoch, kind, thread)
      select 0, i, 0, 't1' from generate_series(1, 20012) i`);
    expect(await emptyExpired(connection, 10)).toBe(10);
    expect(await emptyExpired(connection, 10)).toBe(2);
    expect(await emptyExpired(connection, 10)).toBe(0);
    expect(await rows('select min(epoch)::int4, count(*)::int4 from cluster_event')).toEqual([
      { min: 13, count: 20_000 },
    ]);
  });

  test('are stepped over while an intake renews them', async () => {
    await fill(2, '25 hours');
    await other.query('begin');
    try {
      await other.query(`update idempotency set expires = now() + interval '24 hours'
        where key = '1'`);
      // Two of each of the others, and the key that nobody holds.
      expect(await emptyExpired(connection, 10)).toBe(5);
    } finally {
      await other.query('commit');
    }
    expect(await emptyExpired(connection, 10)).toBe(0);
    expect(await counts()).toEqual([0, 0, 1]);
  });

  test('go from the default partitions, which no dropped partition takes along', async () => {
    await rows(segment(-31));
    await rows(segment(-29));
    for (const days of [31, 29]) {
      await rows(`insert into log_chunk values (current_date - ${days}, gen_random_uuid(), 1, 0, 0,
        now(), gen_random_uuid(), 'x', 1)`);
    }
    expect(await emptyExpired(connection, 10)).toBe(2);
    expect(await placeOf('journal')).toEqual(['journal_default']);
    expect(await placeOf('log_chunk')).toEqual(['log_chunk_default']);
  });
});

test('one at a time: until the connection of the one ends, the other may not begin', async () => {
  const [one, two] = [connect(), connect()];
  try {
    expect(await beginUpkeep(one)).toBe(true);
    expect(await beginUpkeep(two)).toBe(false);
    await one.stop();
    await expect.poll(async () => await beginUpkeep(two)).toBe(true);
  } finally {
    await one.stop();
    await two.stop();
  }
});

test('no function is left to PUBLIC, and the owner’s go to the scheduler alone', async () => {
  const open = await rows<{ name: string }>(`select p.proname as name from pg_proc p
    where p.pronamespace = 'orrery'::regnamespace and (p.proacl is null or exists (
      select from aclexplode(p.proacl) a where a.grantee = 0))`);
  expect(open).toEqual([]);
  const owners = await rows<{ name: string; to: string }>(`
    select p.proname as name, a.grantee::regrole::text as to
    from pg_proc p cross join aclexplode(p.proacl) a
    where p.proowner = 'orrery_owner'::regrole and a.grantee <> p.proowner order by 1`);
  expect(owners).toEqual(
    ['drop_time_partition', 'empty_expired', 'make_time_partition', 'upkeep_work'].map((name) => ({
      name,
      to: 'orrery_scheduler',
    })),
  );
});
