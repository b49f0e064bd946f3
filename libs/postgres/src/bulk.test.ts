import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type TestDatabase, startTestDatabase, trouble } from '../../../test/support/database.js';
import { type NewBulk, beginBulk, keepBulks } from './bulk.js';
import { Connection } from './connection.js';

const LEASE = { holder: 'gateway', leaseMs: 60_000 };
const HASH = randomUUID();

let database: TestDatabase;
let connection: Connection;
beforeAll(async () => {
  database = await startTestDatabase(4);
  connection = new Connection({ url: database.url, role: 'orrery_intake', name: 'test/bulk' });
}, 60_000);
afterAll(async () => {
  await connection.stop();
  await database.stop();
});
afterEach(async () => {
  await trouble.endBulks(database.admin);
});

function bulkOf(project: string, key?: string): NewBulk {
  const id = randomUUID();
  const claim = key === undefined ? undefined : { key, hash: HASH };
  return { id, project, request: '{}', by: 'x', last: id, matched: 1, key: claim };
}

/** Another gateway begins one, and commits it only when the work has come to a stop behind it. */
async function behind<T>(bulk: NewBulk, work: () => Promise<T>): Promise<T> {
  const { admin } = database;
  await admin.query('begin');
  await admin.query(`select begin_bulk($1, $2, '{}', 'x', $1, 1, 1, 'other', 60000, $3, $4)`, [
    bulk.id,
    bulk.project,
    bulk.key?.key,
    bulk.key?.hash,
  ]);
  let isOver = false;
  const working = work().finally(() => {
    isOver = true;
  });
  await vi.waitFor(async () => {
    const { rows } = await admin.query('select from pg_locks where not granted');
    expect(isOver || rows.length === 1).toBe(true);
  });
  await admin.query('commit');
  return await working;
}

describe('two that begin at once', () => {
  test('are counted one after the other: there is room for one', async () => {
    const project = randomUUID();
    const first = bulkOf(project);
    const begin = async () => await beginBulk(connection, bulkOf(project), LEASE, 1);
    expect(await behind(first, begin)).toBeUndefined();
    const elsewhere = bulkOf(randomUUID());
    expect(await beginBulk(connection, elsewhere, LEASE, 1)).toMatchObject({ id: elsewhere.id });
  });

  test('under one key are one', async () => {
    const project = randomUUID();
    const first = bulkOf(project, 'k');
    const begin = async () => await beginBulk(connection, bulkOf(project, 'k'), LEASE, 9);
    expect(await behind(first, begin)).toEqual({ id: first.id, hash: HASH });
  });
});

test('a beginning whose outcome was unknown is repeated, and there is one of it', async () => {
  const bulk = bulkOf(randomUUID());
  // Also when there is no room for another.
  for (let i = 0; i < 3; i++) {
    expect(await beginBulk(connection, bulk, LEASE, 1)).toMatchObject({ id: bulk.id });
  }
});

test('a lease is by the clock of the database, also of another one after a failover', async () => {
  const bulk = bulkOf(randomUUID());
  await beginBulk(connection, bulk, LEASE, 9);
  const other = { holder: 'other', leaseMs: 10_000 };
  const taken = async (): Promise<string[]> =>
    (await keepBulks(connection, [], other, 9)).map(({ id }) => id);
  expect(await taken()).toEqual([]);
  await trouble.lease(database.admin, bulk.id, 59_000);
  expect(await taken()).toEqual([]);
  // No lease is as long as that: who wrote it had another clock.
  await trouble.lease(database.admin, bulk.id, 90_000);
  expect(await taken()).toEqual([bulk.id]);
  await trouble.lease(database.admin, bulk.id, -1);
  expect(await taken()).toEqual([bulk.id]);
});
