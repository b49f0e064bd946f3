import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { Connection } from './connection.js';
import { type NewLogChunk, appendLogs } from './logs.js';

let database: TestDatabase;
let connection: Connection;

beforeAll(async () => {
  database = await startTestDatabase(1);
  await database.admin.query(`insert into project (name) values ('demo')`);
  connection = new Connection({ url: database.url, role: 'orrery_scheduler', name: 'test' });
}, 60_000);
afterAll(async () => {
  await connection.stop();
  await database.stop();
});

const day = new Date().toISOString().slice(0, 10);
const chunk = (body: string): NewLogChunk => ({
  day,
  run: randomUUID(),
  attempt: 1,
  stream: 0,
  offset: 0,
  project: 'demo',
  body,
});

test('any byte that a job writes is kept or replaced, and harms no neighbour', async () => {
  const bodies = ['clean', 'a\u0000b', 'c\u001ed', '\u0000', 'also clean'];
  const chunks = bodies.map(chunk);
  await appendLogs(connection, chunks);
  const { rows } = await database.admin.query(
    `select run, convert_from(body, 'UTF8') as body from log_chunk`,
  );
  const kept = new Map(rows.map(({ run, body }: Record<string, string>) => [run, body]));
  const read = chunks.map(({ run }) => kept.get(run));
  expect(read).toEqual(['clean', 'a\ufffdb', 'c\ufffdd', '\ufffd', 'also clean']);
});
