import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestDatabase, startTestDatabase, trouble } from './database.js';
import { Servers } from './servers.js';

const servers = new Servers();
let port: number;

let one: TestDatabase;
let other: TestDatabase;
beforeAll(async () => {
  port = await servers.listen();
  [one, other] = await Promise.all([startTestDatabase(4, port), startTestDatabase(2, port)]);
});
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()]);
  await servers.stop();
});

const all = async ({ admin }: TestDatabase, text: string): Promise<unknown[]> =>
  (await admin.query<Record<string, unknown>>(text)).rows.flatMap(Object.values);
const partitions = 'select count(*)::int4 from partition';
const setting = `select current_setting('autovacuum')`;

test('two at a time are of two servers, each with what it was asked for', async () => {
  expect(new URL(one.url).port).not.toBe(new URL(other.url).port);
  expect(one.life).not.toBe(other.life);
  expect(await all(one, partitions)).toEqual([4]);
  expect(await all(other, partitions)).toEqual([2]);
});

test('who borrows the same server next finds nothing of who had it', async () => {
  const { url, life } = one;
  await trouble.bare(one.admin, url);
  await one.admin.query('create table left_behind ()');
  await one.admin.query('alter system set autovacuum = off');
  await one.admin.query('select pg_reload_conf()');
  await one.stop();
  one = await startTestDatabase(1, port);
  expect([new URL(one.url).port, one.life === life]).toEqual([new URL(url).port, false]);
  expect(await all(one, partitions)).toEqual([1]);
  expect(await all(one, setting)).toEqual(['on']);
  expect(await all(one, `select to_regclass('left_behind')`)).toEqual([null]);
  const databases = 'select datname from pg_database where not datistemplate order by 1';
  expect(await all(one, databases)).toEqual(['orrery', 'postgres']);
});
