import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase, trouble } from '../../../test/support/database.js';
import { migrate } from './migrate.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase(4);
});
afterAll(async () => {
  await database.stop();
});

it('a second time it changes nothing, and the first number of partitions stays', async () => {
  expect(await migrate(database.url, 64)).toEqual({
    format: 7,
    partitions: 4,
    life: database.life,
  });
});

it.each([6, 8])('a database of format %i is refused in words', async (format) => {
  await trouble.setFormat(database.admin, format);
  await expect(migrate(database.url, 4)).rejects.toThrow(
    `it holds Orrery's format ${format}, and this program reads format 7`,
  );
});
