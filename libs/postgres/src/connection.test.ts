import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { startProxy } from '../../../test/support/proxy.js';
import { Connection, DeadlineError, StoppedError } from './connection.js';
import { classify } from './outcome.js';

const BOUND_MS = 8_000;
const FOREVER = 'select pg_sleep(600)';
const ONE = 'select 1 as one';

let database: TestDatabase;
let connection: Connection;
const made: Connection[] = [];
/** Of each test its own: a backend that sleeps does not notice that its client has gone. */
let name: string;
let tests = 0;

function connect(url = database.url): Connection {
  const one = new Connection({ url, role: 'none', name });
  made.push(one);
  return one;
}

beforeAll(async () => {
  database = await startTestDatabase(1);
});
afterAll(() => database.stop());
beforeEach(() => {
  name = `orrery/test/${tests++}`;
  connection = connect();
});
afterEach(async () => {
  for (const one of made.splice(0)) await one.stop();
});

async function backends(state?: string): Promise<number> {
  const { rows } = await database.admin.query<{ n: number }>(
    `select count(*)::int4 as n from pg_stat_activity
     where application_name = $1 and ($2::text is null or state = $2)`,
    [name, state ?? null],
  );
  return rows[0]?.n ?? 0;
}

const reasons = async (all: readonly Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(all)).map((each) =>
    each.status === 'rejected' ? (each.reason as unknown) : undefined,
  );

test('a deadline begins when its statement is sent, and fails no other one', async () => {
  const late = connection.query('forever', FOREVER, [], 400);
  // Longer in the row than it may take itself.
  const waiting = ['a', 'b', 'c'].map((of) => connection.query(of, ONE, [], 350));
  const [reason] = await reasons([late]);
  expect(reason).toBeInstanceOf(DeadlineError);
  expect(classify(reason).kind).toBe('unknown');
  expect(await Promise.all(waiting)).toEqual(Array.from({ length: 3 }, () => [{ one: 1 }]));
});

test('a connection that is lost fails what was under way; the next connects anew', async () => {
  const lost = connection.query('forever', FOREVER, []);
  const waiting = connection.query('one', ONE, []);
  const [reason] = await Promise.all([reasons([lost]), terminate()]);
  expect(reason.map((each) => classify(each).kind)).toEqual(['unknown']);
  expect(await waiting).toEqual([{ one: 1 }]);
});

test('a statement that is refused fails alone, on the connection that is there', async () => {
  const pid = 'select pg_backend_pid() as pid';
  const asked = [
    connection.query('pid', pid, []),
    connection.query('nonsense', 'select nonsense', []),
    connection.query('pid', pid, []),
  ];
  const [, refused] = await reasons(asked);
  expect(classify(refused).kind).toBe('rejected-for-good');
  expect(await asked[2]).toEqual(await asked[0]);
});

test('a server that is not there refuses all who wait at once: nothing was sent', async () => {
  const dead = new URL(database.url);
  dead.port = '1';
  const gone = connect(dead.href);
  const refused = await reasons([1, 2, 3].map(() => gone.query('one', ONE, [])));
  expect(refused.map((each) => classify(each).kind)).toEqual(Array(3).fill('rejected-now'));
});

test('a proxy before a server that is away ends what connects: nothing was sent', async () => {
  const { hostname: host, port } = new URL(database.url);
  const proxy = await startProxy({ host, port: Number(port) });
  proxy.close();
  const cut = new URL(database.url);
  cut.port = String(proxy.port);
  const refused = await reasons([connect(cut.href).query('one', ONE, [])]);
  expect(refused.map((each) => classify(each).kind)).toEqual(['rejected-now']);
  await proxy.stop();
});

test('who has given up by its turn is passed over', async () => {
  const leaving = new AbortController();
  const first = connection.query('one', ONE, []);
  const second = connection.query('forever', FOREVER, [], 60_000, leaving.signal);
  leaving.abort(new Error('left'));
  expect(await first).toEqual([{ one: 1 }]);
  await expect(second).rejects.toThrow('left');
  expect(connection.connected).toBe(true);
});

test('a stop cuts off what is under way, refuses who waits and who comes later', async () => {
  const underWay = connection.query('forever', FOREVER, []);
  const waiting = connection.query('one', ONE, []);
  const failed = reasons([underWay, waiting]);
  await expect.poll(() => backends('active'), { timeout: BOUND_MS }).toBe(1);
  await connection.stop();
  const [cut, refused] = await failed;
  expect(classify(cut).kind).toBe('unknown');
  expect(refused).toBeInstanceOf(StoppedError);
  await expect(connection.query('one', ONE, [])).rejects.toBeInstanceOf(StoppedError);
  expect(connection.connected).toBe(false);
});

test('a stop while it connects leaves no connection behind', async () => {
  const failed = reasons([connection.query('one', ONE, []), connection.query('one', ONE, [])]);
  await connection.stop();
  for (const reason of await failed) expect(reason).toBeInstanceOf(StoppedError);
  await expect.poll(() => backends(), { timeout: BOUND_MS }).toBe(0);
  expect(connection.connected).toBe(false);
});

/** The backend under way, once it is there. */
async function terminate(): Promise<void> {
  const end = `select pg_terminate_backend(pid) as ended from pg_stat_activity
    where application_name = $1 and query = $2 and state = 'active'`;
  const ended = async (): Promise<number> =>
    (await database.admin.query(end, [name, FOREVER])).rowCount ?? 0;
  await expect.poll(ended, { timeout: BOUND_MS }).toBe(1);
}
