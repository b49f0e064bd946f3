import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { Definitions, createProject } from '#definitions';
import { readProjects } from './directory.js';
import { Reader, gated } from './reader.js';

let database: TestDatabase;
let reader: Reader;
const ids: string[] = [];
beforeAll(async () => {
  database = await startTestDatabase(4);
  // One connection: what a read leaves on it, the next one would meet.
  const { url } = database;
  reader = new Reader({ url, name: 'test', role: 'orrery_gateway_read', connections: 1 });
  const definitions = new Definitions({ url, name: 'test' });
  await definitions.start();
  for (const name of ['a', 'b', 'c']) {
    ids.push((await createProject(definitions, { name, description: null }))?.id ?? '');
  }
  expect(await createProject(definitions, { name: 'a', description: null })).toBeUndefined();
  await definitions.stop();
});
afterAll(async () => {
  await reader.stop();
  await database.stop();
});

const seen = async (scope: readonly string[]): Promise<string[]> => {
  const rows = await reader.scoped<{ name: string }>(scope, 'select name from project', []);
  return rows.map(({ name }) => name).sort();
};

describe('a scoped read', () => {
  it('sees the projects of its own scope, whatever the read before it was', async () => {
    const [a = '', b = '', c = ''] = ids;
    for (let round = 0; round < 10; round++) {
      expect(await seen([a])).toEqual(['a']);
      expect(await seen([b, c])).toEqual(['b', 'c']);
      expect(await seen([])).toEqual([]);
    }
  });

  it('is planned so that the scope is set before a row is read', async () => {
    const text = `explain (costs off) ${gated('select id from live order by id desc limit 5')}`;
    const rows = await reader.query<Record<string, string>>(text, ['{}']);
    const plan = rows.map((row) => row['QUERY PLAN']?.trim());
    const scope = plan.indexOf('->  CTE Scan on scope');
    const gate = plan.indexOf('One-Time Filter: (scope.projects IS NOT NULL)');
    expect(plan[0]).toBe('Nested Loop');
    expect(scope).toBeGreaterThan(0);
    expect(gate).toBeGreaterThan(scope);
    // And the newest are read from the end of the index, however few the planner expects.
    expect(plan).toContain('->  Index Scan Backward using live_pkey on live');
  });

  it('leaves nothing behind: without a scope nothing is seen', async () => {
    await seen(ids);
    expect(await reader.query('select name from project', [])).toEqual([]);
  });

  it('lists every project without a scope, by name and no more', async () => {
    expect((await readProjects(reader)).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('writes nothing', async () => {
    await expect(reader.query('delete from live', [])).rejects.toThrow('read-only');
  });

  it('comes back after its connection was lost', async () => {
    const end =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test'";
    await database.admin.query(end);
    const again = async (): Promise<string[]> =>
      await seen(ids.slice(0, 1)).catch(() => seen(ids.slice(0, 1)));
    expect(await again()).toEqual(['a']);
  });
});
