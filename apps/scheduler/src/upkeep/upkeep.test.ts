import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '#actor';
import { Connection } from '#postgres';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { Upkeep, type UpkeepHost } from './upkeep.js';

const BOUND_MS = 8_000;
const MINUTE_MS = 60_000;
const IDLE = { kind: 'done', made: 0, dropped: 0, busy: 0, emptied: 0 };

let database: TestDatabase;
let clock: ManualClock;
let said: { message: string; fields: object }[];
let started: Upkeep[];
let connections: Connection[];

beforeAll(async () => {
  database = await startTestDatabase(4);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  clock = new ManualClock();
  said = [];
  started = [];
  connections = [];
});
afterEach(async () => {
  for (const upkeep of started) await upkeep.stop();
  await trouble.empty(database.admin);
  await database.admin.query('truncate intake, answer, idempotency');
});

function upkeepOf(given: Partial<UpkeepHost> = {}, batch?: number): Upkeep {
  const say = (message: string, fields: object = {}): void => void said.push({ message, fields });
  const connect = (): Connection => {
    const name = 'orrery/test/upkeep';
    const connection = new Connection({ url: database.url, role: 'orrery_scheduler', name });
    connections.push(connection);
    return connection;
  };
  const log = { debug: say, info: say, warn: say, error: say };
  const upkeep = new Upkeep({ connect, clock, log, ...given }, batch);
  upkeep.turns.listen();
  started.push(upkeep);
  return upkeep;
}

const admin = async (text: string): Promise<unknown[]> => (await database.admin.query(text)).rows;
const left = async (table: string): Promise<unknown> =>
  (await admin(`select count(*)::int4 as count from ${table}`))[0];

test('a turn at the start and one a minute: made, dropped, emptied to the last row', async () => {
  await admin(`do $$ begin
    execute format('drop table journal_%s', to_char(now() at time zone 'utc' + interval '14 days',
      'YYYYMMDD'));
    execute format('create table log_chunk_old partition of log_chunk for values from (%L) to (%L)',
      current_date - 50, current_date - 49); end $$`);
  await trouble.outlive(database.admin, 25);
  const upkeep = upkeepOf({}, 10);
  upkeep.start();
  upkeep.start();
  const first = await upkeep.turns.next(BOUND_MS);
  expect(first).toEqual({ kind: 'done', made: 1, dropped: 1, busy: 0, emptied: 25 });
  expect(await left('intake')).toEqual({ count: 0 });
  // Between turns it holds neither a connection nor the lock.
  expect(connections.map(({ connected }) => connected)).toEqual([false]);
  await trouble.outlive(database.admin, 25);
  clock.advance(MINUTE_MS - 1);
  expect(connections).toHaveLength(1);
  clock.advance(1);
  expect(await upkeep.turns.next(BOUND_MS)).toEqual({ ...IDLE, emptied: 25 });
  expect(connections).toHaveLength(2);
  expect(said).toEqual([]);
});

test('two schedulers: while one is at it the other leaves it alone', async () => {
  await trouble.outlive(database.admin, 25);
  const [one, two] = [upkeepOf(), upkeepOf()];
  await admin('begin');
  await admin('lock table intake in access exclusive mode');
  one.start();
  // It stands in the middle of its turn, with the lock.
  const waits = `select count(*) as n from pg_locks where not granted and relation =
    'intake'::regclass`;
  await expect.poll(async () => await admin(waits), { timeout: BOUND_MS }).toEqual([{ n: '1' }]);
  two.start();
  expect(await two.turns.next(BOUND_MS)).toEqual({ kind: 'elsewhere' });
  await admin('commit');
  expect(await one.turns.next(BOUND_MS)).toEqual({ ...IDLE, emptied: 25 });
  // The next minute finds it free again.
  clock.advance(MINUTE_MS);
  const next = [await one.turns.next(BOUND_MS), await two.turns.next(BOUND_MS)];
  expect(next).toContainEqual(IDLE);
});

test('a table in use is left for the next minute, and the rest is done', async () => {
  await admin(`create table journal_old partition of journal
    for values from ('2020-01-01') to ('2020-01-02')`);
  await trouble.outlive(database.admin, 25);
  await admin('begin');
  await trouble.append(database.admin, 0);
  const upkeep = upkeepOf();
  upkeep.start();
  expect(await upkeep.turns.next(BOUND_MS)).toEqual({ ...IDLE, busy: 1, emptied: 25 });
  await admin('commit');
  clock.advance(MINUTE_MS);
  expect(await upkeep.turns.next(BOUND_MS)).toEqual({ ...IDLE, dropped: 1 });
});

test('rows in a default partition are reported, as long as they stand there', async () => {
  await trouble.append(database.admin, 40);
  const upkeep = upkeepOf();
  upkeep.start();
  await upkeep.turns.next(BOUND_MS);
  const message = 'rows stand in a default partition';
  const report = { message, fields: { table: 'journal_default', rows: 1 } };
  expect(said).toEqual([report]);
  clock.advance(MINUTE_MS);
  await upkeep.turns.next(BOUND_MS);
  expect(said).toEqual([report, report]);
});

test('a database that does not answer fails the turn; the next minute comes anyway', async () => {
  let port = '1';
  const connect = (): Connection => {
    const url = new URL(database.url);
    if (port !== '') url.port = port;
    return new Connection({ url: url.href, role: 'orrery_scheduler', name: 'orrery/test' });
  };
  const upkeep = upkeepOf({ connect });
  upkeep.start();
  expect(await upkeep.turns.next(BOUND_MS)).toEqual({ kind: 'failed' });
  expect(said.map(({ message }) => message)).toEqual(['upkeep failed']);
  port = '';
  clock.advance(MINUTE_MS);
  expect(await upkeep.turns.next(BOUND_MS)).toEqual(IDLE);
});

test('a turn whose connection is ended stops there: another may have the lock by now', async () => {
  await trouble.outlive(database.admin, 25);
  const upkeep = upkeepOf();
  await admin('begin');
  await admin('lock table intake in access exclusive mode');
  upkeep.start();
  const end = 'select pg_terminate_backend(pid) from pg_locks where not granted';
  await expect.poll(async () => (await admin(end)).length, { timeout: BOUND_MS }).toBe(1);
  expect(await upkeep.turns.next(BOUND_MS)).toEqual({ kind: 'failed' });
  await admin('commit');
  expect(await left('intake')).toEqual({ count: 25 });
});

test('a turn whose connection was lost between two statements stops there too', async () => {
  await trouble.append(database.admin, 40);
  await trouble.outlive(database.admin, 25);
  const lose = (): void => void connections[0]?.stop();
  const upkeep = upkeepOf({ log: { debug: lose, info: lose, warn: lose, error: lose } });
  upkeep.start();
  expect(await upkeep.turns.next(BOUND_MS)).toEqual({ kind: 'failed' });
  expect(await left('intake')).toEqual({ count: 25 });
});

test('a stop releases timer, connection and lock, in a turn and between two', async () => {
  const idle = upkeepOf();
  await idle.stop();
  idle.start();
  expect(connections).toEqual([]);

  const rested = upkeepOf();
  rested.start();
  await rested.turns.next(BOUND_MS);
  expect(clock.pending).toBe(1);
  await rested.stop();
  await rested.stop();
  expect(clock.pending).toBe(0);

  await admin('begin');
  await admin('lock table intake in access exclusive mode');
  const busy = upkeepOf();
  busy.start();
  const waits = `select count(*) as n from pg_locks where not granted`;
  await expect.poll(async () => await admin(waits), { timeout: BOUND_MS }).toEqual([{ n: '1' }]);
  await busy.stop();
  expect(clock.pending).toBe(0);
  expect(connections.every(({ connected }) => !connected)).toBe(true);
  await admin('commit');
  const held = `select count(*) as n from pg_locks where locktype = 'advisory'`;
  await expect.poll(async () => await admin(held), { timeout: BOUND_MS }).toEqual([{ n: '0' }]);
  expect(said).toEqual([]);
});
