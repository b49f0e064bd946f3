import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { Connection, type NewRun, intakeBatch } from './index.js';

let database: TestDatabase;
let intake: Connection;
const project = randomUUID();
const spec = randomUUID();

beforeAll(async () => {
  database = await startTestDatabase(8);
  const { url } = database;
  intake = new Connection({ url, role: 'orrery_intake', name: 'orrery/test', pinned: true });
}, 60_000);

afterAll(async () => {
  await intake.stop();
  await database.stop();
});

function newRun(): NewRun {
  return {
    id: randomUUID(),
    partition: 0,
    project,
    job: null,
    jobVersion: null,
    spec,
    kind: 'SHELL',
    pool: 'default',
    need: 'shell',
    priority: 5,
    lane: '4711',
    at: null,
    afterMs: null,
    startDeadlineMs: null,
    retryOf: null,
    params: null,
    labels: null,
  };
}

const count = async (table: string, where: string, values: unknown[]): Promise<number> => {
  const text = `select count(*)::int as n from ${table} where ${where}`;
  return (await database.admin.query(text, values)).rows[0]?.['n'] as number;
};

describe('idempotency keys', () => {
  test('keys in opposite order do not deadlock, and each has one run', async () => {
    const other = new Connection({
      url: database.url,
      role: 'orrery_intake',
      name: 'orrery/test2',
      pinned: true,
    });
    for (let round = 0; round < 20; round++) {
      const names = Array.from({ length: 20 }, (_, i) => `r${round}-${i}`);
      const make = (order: readonly string[]) => {
        const runs = order.map(() => newRun());
        const keys = order.map((key, i) => ({
          project,
          operation: 'submitRun',
          key,
          hash: spec,
          ref: runs[i]?.id ?? '',
        }));
        return { id: randomUUID(), specifications: [], runs, commands: [], keys };
      };
      const [a, b] = [make(names), make([...names].reverse())];
      const [one, two] = await Promise.all([intakeBatch(intake, a), intakeBatch(other, b)]);
      expect(one.replays.size + two.replays.size).toBe(20);
      const ids = [...a.runs, ...b.runs].map((run) => run.id);
      expect(await count('live', 'id = any($1)', [ids])).toBe(20);
    }
    await other.stop();
  });
});
