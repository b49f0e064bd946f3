import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { hashOf } from './entities/canonical.js';
import { Definitions } from './entities/definitions.js';
import { applyJob, deleteJob } from './entities/jobs.js';
import { seedDemo } from './seed.js';

let database: TestDatabase;
let directory: string;
beforeAll(async () => {
  database = await startTestDatabase(4);
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-seed-'));
});
afterAll(async () => {
  fs.rmSync(directory, { recursive: true, force: true });
  await database.stop();
});

const count = async (table: string): Promise<unknown> =>
  (await database.admin.query<{ n: number }>(`select count(*)::int n from ${table}`)).rows[0]?.n;
async function counts(): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const table of ['project', 'job', 'job_version', 'api_key']) found.push(await count(table));
  return found;
}

it('seeds once, keeps a good key, and replaces one that is unknown or missing', async () => {
  const adminKeyFile = path.join(directory, 'deep', 'admin.key');
  const key = (): string => fs.readFileSync(adminKeyFile, 'utf8').trim();
  await seedDemo(database.url, { adminKeyFile });
  const first = key();
  expect(first).toMatch(/^ork_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$/);
  expect(fs.statSync(adminKeyFile).mode & 0o777).toBe(0o600);
  expect(await counts()).toEqual([1, 3, 3, 1]);
  await seedDemo(database.url, { adminKeyFile });
  expect(key()).toBe(first);
  expect(await counts()).toEqual([1, 3, 3, 1]);
  fs.writeFileSync(adminKeyFile, `ork_abcdefgh_${'x'.repeat(43)}\n`);
  await seedDemo(database.url, { adminKeyFile });
  const second = key();
  expect(second).not.toBe(first);
  fs.rmSync(adminKeyFile);
  await seedDemo(database.url, { adminKeyFile });
  expect(key()).not.toBe(second);
  expect(await counts()).toEqual([1, 3, 3, 3]);
});

it('health-http follows the gateway until a person has changed it', async () => {
  const fresh = await startTestDatabase(4);
  const adminKeyFile = path.join(directory, 'follows.key');
  const urls = async (): Promise<unknown[]> => {
    const { rows } = await fresh.admin.query<{ spec: string }>(
      `select v.spec from job_version v join job j on j.id = v.job
        where j.name = 'health-http' order by v.version`,
    );
    return rows.map(({ spec }) => (JSON.parse(spec) as { url: unknown }).url);
  };
  const seed = (port: number): Promise<boolean> =>
    seedDemo(fresh.url, { adminKeyFile, gatewayUrl: `http://127.0.0.1:${port}` });
  for (const port of [4_000, 4_000, 4_001]) await seed(port);
  const seeded = ['http://127.0.0.1:4000/livez', 'http://127.0.0.1:4001/livez'];
  expect(await urls()).toEqual(seeded);
  const mine = 'http://127.0.0.1:9/mine';
  const definitions = new Definitions({ url: fresh.url, name: 'a person' });
  await definitions.start();
  const { rows } = await fresh.admin.query<{ id: string }>('select id from project');
  const spec = JSON.stringify({ kind: 'http', url: mine });
  await applyJob(definitions, {
    ...{ project: rows[0]?.id ?? '', name: 'health-http', spec, hash: hashOf(spec) },
    ...{ expectedVersion: 2, by: 'key:somebody' },
  });
  await definitions.stop();
  await seed(4_002);
  expect(await urls()).toEqual([...seeded, mine]);
  await fresh.stop();
});

it('a demo job that was deleted stays so', async () => {
  const adminKeyFile = path.join(directory, 'deleted.key');
  await seedDemo(database.url, { adminKeyFile });
  const { rows } = await database.admin.query<{ id: string }>('select id from project');
  const definitions = new Definitions({ url: database.url, name: 'test' });
  await definitions.start();
  await deleteJob(definitions, { project: String(rows[0]?.id), name: 'flaky' });
  await definitions.stop();
  await seedDemo(database.url, { adminKeyFile });
  const there = await database.admin.query('select name from job where deleted_at is null');
  expect(there.rows.map(({ name }: { name: string }) => name).sort()).toEqual([
    'hello-shell',
    'noop',
  ]);
});

it('two at once make one project', async () => {
  const fresh = await startTestDatabase(4);
  const file = (n: number): string => path.join(directory, `two-${n}.key`);
  await Promise.all([0, 1].map((n) => seedDemo(fresh.url, { adminKeyFile: file(n) })));
  const { rows } = await fresh.admin.query('select name from project');
  expect(rows).toEqual([{ name: 'demo' }]);
  const jobs = await fresh.admin.query('select name, current from job order by name');
  expect(jobs.rows.map(({ current }: { current: number }) => current)).toEqual([1, 1, 1]);
  await fresh.stop();
});
