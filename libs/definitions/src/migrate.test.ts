import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase, trouble } from '../../../test/support/database.js';
import { readInstallation } from '#postgres';
import { migrate } from './migrate.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase(4);
});
afterAll(async () => {
  await database.stop();
});

it('a second time it changes nothing, and what was installed stays', async () => {
  const installed = { format: 9, partitions: 4, cluster: 'main', life: database.life };
  expect(await migrate(database.url)).toEqual(installed);
  expect(await migrate(database.url, 4)).toEqual(installed);
  expect(await readInstallation(database.url)).toEqual(installed);
});

const start = (cluster: string, partitions?: number): readonly (() => Promise<unknown>)[] => [
  () => migrate(database.url, partitions, cluster),
  () => readInstallation(database.url, { cluster, partitions }),
];

it('another cluster, another number of partitions: refused, and both sides are named', async () => {
  for (const refused of start('staging')) {
    await expect(refused()).rejects.toThrow(
      'the database belongs to the cluster main, and this process to the cluster staging',
    );
  }
  for (const refused of start('main', 64)) {
    await expect(refused()).rejects.toThrow(
      'the database was installed with 4 partitions, and this process was told of 64',
    );
  }
});

it('who does not migrate is told of a database where nobody has been', async () => {
  const bare = await trouble.bare(database.admin, database.url);
  await expect(readInstallation(bare)).rejects.toThrow('the database is not migrated');
});

it.each([
  [8, 'an older'],
  [10, 'a newer'],
])('a database of format %i takes %s program: refused in words', async (format, which) => {
  await trouble.setFormat(database.admin, format);
  for (const refused of start('main', 4)) {
    await expect(refused()).rejects.toThrow(
      `the database holds Orrery's format ${format}, and this program reads format 9: ` +
        `it takes ${which} program, or this one another database`,
    );
  }
});
