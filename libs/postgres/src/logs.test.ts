import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { Connection } from './connection.js';
import { type NewLogChunk, appendLogs } from './logs.js';
import { type LogRow, Reader, readLogs } from './read/index.js';

let database: TestDatabase;
let connection: Connection;
let other: Connection;
let reader: Reader;
let project: string;

beforeAll(async () => {
  database = await startTestDatabase(4);
  const { admin, url } = database;
  const { rows } = await admin.query(`insert into project (name) values ('demo') returning id`);
  project = String(rows[0]?.['id']);
  [connection, other] = [connect(), connect()];
  reader = new Reader({ url, name: 'test', role: 'orrery_gateway_read' });
}, 60_000);
afterAll(async () => {
  await Promise.all([connection, other, reader].map((each) => each.stop()));
  await database.stop();
});

const connect = (): Connection =>
  new Connection({ url: database.url, role: 'orrery_scheduler', name: 'test', pinned: true });
async function waiters(): Promise<number> {
  const { rows } = await database.admin.query(
    `select count(*)::int4 as n from pg_locks where locktype = 'advisory' and not granted`,
  );
  return Number(rows[0]?.['n']);
}
const day = new Date().toISOString().slice(0, 10);
const chunk = (body: string, more: Partial<NewLogChunk> = {}): NewLogChunk => ({
  day,
  partition: 0,
  run: randomUUID(),
  attempt: 1,
  stream: 0,
  offset: 0,
  project: 'demo',
  body,
  ...more,
});
async function logOf(run: string, after = 0, attempt: number | null = null): Promise<LogRow[]> {
  const [page] = await readLogs(reader, [{ project, run, attempt, after }], 100);
  return [...(page?.rows ?? [])];
}

test('any byte that a job writes is kept or replaced, and harms no neighbour', async () => {
  const bodies = ['clean', 'a\u0000b', 'c\u001ed', '\u0000', 'also clean'];
  const chunks = bodies.map((body) => chunk(body));
  await appendLogs(connection, chunks);
  const { rows } = await database.admin.query(
    `select run, convert_from(body, 'UTF8') as body from log_chunk`,
  );
  const kept = new Map(rows.map(({ run, body }: Record<string, string>) => [run, body]));
  const read = chunks.map(({ run }) => kept.get(run));
  expect(read).toEqual(['clean', 'a\ufffdb', 'c\ufffdd', '\ufffd', 'also clean']);
});

describe('the order of a log is that of its arrival', () => {
  test('over streams and attempts, and what is said again stays where it was', async () => {
    const run = randomUUID();
    const first = chunk('one', { run });
    await appendLogs(connection, [first, chunk('err', { run, stream: 1 })]);
    await appendLogs(connection, [chunk('second attempt', { run, attempt: 2 })]);
    await appendLogs(connection, [first, chunk('late', { run, offset: 3 })]);
    const rows = await logOf(run);
    expect(rows.map(({ text }) => text)).toEqual(['one', 'err', 'second attempt', 'late']);
    const [, , third] = rows;
    expect((await logOf(run, third?.seq)).map(({ text }) => text)).toEqual(['late']);
    expect((await logOf(run, 0, 1)).map(({ text }) => text)).toEqual(['one', 'err', 'late']);
  });

  test('two who append to one partition take turns; to different ones they do not', async () => {
    const run = randomUUID();
    const begun = connect();
    await begun.query('begin', 'begin', []);
    await appendLogs(begun, [chunk('earlier', { run, partition: 1 })]);
    const later = appendLogs(other, [chunk('later', { run, partition: 1, offset: 7 })]);
    while ((await waiters()) === 0);
    const elsewhere = chunk('elsewhere', { partition: 2 });
    await appendLogs(connection, [elsewhere]);
    // The earlier one is not committed, so it is not seen: neither may what comes after it be.
    expect(await logOf(elsewhere.run)).toHaveLength(1);
    expect(await logOf(run)).toEqual([]);
    await begun.query('commit', 'commit', []);
    await later;
    await begun.stop();
    expect((await logOf(run)).map(({ text }) => text)).toEqual(['earlier', 'later']);
  });
});

describe('a gap', () => {
  const gapsOf = async (run: string): Promise<unknown[]> =>
    (await logOf(run)).map(({ offset, gap }) => [offset, gap]);

  test('is what lies between the end of what was there and a chunk behind it', async () => {
    const run = randomUUID();
    const at = (offset: number, body: string): NewLogChunk => chunk(body, { run, offset });
    await appendLogs(connection, [at(10, 'ten missing'), at(21, 'on'), at(30, 'seven')]);
    await appendLogs(connection, [at(35, 'on'), at(100, 'sixty-three')]);
    // Late, it fills a part of a hole: it begins before the end, and nothing is missing anew.
    await appendLogs(connection, [at(50, 'late')]);
    await appendLogs(connection, [at(111, 'on')]);
    expect(await gapsOf(run)).toEqual([
      [10, 10],
      [21, null],
      [30, 7],
      [35, null],
      [100, 63],
      [50, null],
      [111, null],
    ]);
  });

  test('is of one stream of one attempt, in bytes as they were written', async () => {
    const run = randomUUID();
    const more = { run, stream: 1, attempt: 2 };
    await appendLogs(connection, [
      chunk('\u0000é', { run }), // three bytes, of which six are stored
      chunk('on', { run, offset: 3 }),
      chunk('x', { ...more, offset: 4 }),
    ]);
    await appendLogs(connection, [chunk('on', { run, offset: 5 })]);
    await appendLogs(connection, [chunk('on', { ...more, offset: 7 })]);
    expect(await gapsOf(run)).toEqual([
      [0, null],
      [3, null],
      [4, 4],
      [5, null],
      [7, 2],
    ]);
  });
});

test('logs are read for many keys at once, each with its own place, run and project', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  await appendLogs(connection, [
    chunk('a1', { run: a }),
    chunk('a2', { run: a, offset: 2 }),
    chunk('b1', { run: b }),
  ]);
  const [, second] = await logOf(a);
  const key = { project, attempt: null, after: 0 };
  const keys = [
    { ...key, run: a },
    { ...key, run: a, after: second?.seq ?? 0 },
    { ...key, run: b },
    { ...key, run: a, attempt: 2 },
    { ...key, run: randomUUID() },
  ];
  const pages = await readLogs(reader, keys, 1);
  expect(pages.map(({ rows }) => rows.map(({ text }) => text))).toEqual([
    ['a1'],
    [],
    ['b1'],
    [],
    [],
  ]);
  expect(pages.map(({ head }) => head === second?.seq)).toEqual([true, true, false, true, false]);
  // Nothing of these runs is live.
  expect(pages.map(({ isFinal }) => isFinal)).toEqual([true, true, true, true, true]);
  const foreign = keys.map((each) => ({ ...each, project: randomUUID() }));
  const hidden = await readLogs(reader, foreign, 10);
  expect(hidden.flatMap(({ rows }) => rows)).toEqual([]);
  expect(hidden.map(({ head }) => head)).toEqual([0, 0, 0, 0, 0]);
});
