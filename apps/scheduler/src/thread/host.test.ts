import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Token } from '#core';
import { until } from '#actor';
import { type TestDatabase, startTestDatabase } from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';

const BOUND_MS = 10_000;
let database: TestDatabase;
let rig: ThreadRig;

beforeAll(async () => {
  database = await startTestDatabase(8);
}, 60_000);
afterAll(async () => {
  await database.stop();
});
beforeEach(() => {
  rig = new ThreadRig(database.url, database.life);
  rig.start();
});
afterEach(async () => {
  await rig.stop();
  await database.admin.query('truncate live, history, inbox, aside, executor');
});

async function count(table: string, where = 'true'): Promise<number> {
  const { rows } = await database.admin.query(
    `select count(*)::int as n from ${table} where ${where}`,
  );
  return rows[0]?.['n'] as number;
}

/** Waits for what the database shows. */
async function eventually(look: () => Promise<boolean>): Promise<void> {
  let seen = false;
  let asking = false;
  await until(() => {
    if (!seen && !asking) {
      asking = true;
      void look().then((answer) => {
        seen = answer;
        asking = false;
      });
    }
    return seen;
  }, BOUND_MS);
}

async function executorReady(slots = 300): Promise<number> {
  const before = rig.downOf('welcome').length;
  await eventually(async () => (await count('partition', "owner = 't1'")) === 8);
  rig.born('x1', slots, null, null);
  await until(() => rig.downOf('welcome').length > before, BOUND_MS);
  const incarnation = rig.downOf('welcome').at(-1)?.incarnation ?? 0;
  rig.born('x1', slots, incarnation, database.life);
  return incarnation;
}

const partitionOfToken = (token: Token): number =>
  rig.downOf('assign').find((item) => item.token.run === token.run)?.partition ?? 0;

function result(token: Token, text: string | null) {
  return {
    kind: 'result',
    partition: partitionOfToken(token),
    token,
    outcome: 'SUCCEEDED',
    startedAgoMs: 5,
    finishedAgoMs: 0,
    exitCode: 0,
    signal: null,
    result: text,
    error: null,
    cpuMs: null,
    memoryPeakBytes: null,
  } as const;
}

const tokens = (): Token[] => [
  ...new Map(rig.downOf('assign').map((item) => [item.token.run, item.token])).values(),
];

describe('one thread with the real database', () => {
  test('takes in what it was never told of, grants, and ends it', async () => {
    await rig.submit(20);
    await executorReady();
    await until(() => tokens().length === 20, BOUND_MS);
    // An assignment leaves only after its grant is durable.
    expect(await count('live', 'state = 3 and lane = 1')).toBe(20);
    rig.up('x1', ...tokens().map((token) => result(token, '"ok"')));
    await eventually(async () => (await count('history', 'state = 9')) === 20);
    expect(rig.downOf('ack')).toHaveLength(20);
    expect(await count('live')).toBe(0);
    expect(await count('inbox')).toBe(0);
  });

  test('a result that the database refuses is set aside; 199 of its batch commit', async () => {
    await rig.submit(200);
    await executorReady();
    await until(() => tokens().length === 200, BOUND_MS);
    await database.admin.query(
      `alter table history add constraint poison check (result <> convert_to('"poison"', 'UTF8'))`,
    );
    try {
      const all = tokens();
      const say = (): void =>
        rig.up('x1', ...all.map((token, i) => result(token, i === 77 ? '"poison"' : '"ok"')));
      say();
      // As an executor does: what is not acknowledged is said again.
      const again = setInterval(say, 300);
      try {
        await eventually(async () => (await count('history')) === 200);
      } finally {
        clearInterval(again);
      }
    } finally {
      await database.admin.query('alter table history drop constraint poison');
    }
    expect(await count('history', 'state = 9')).toBe(199);
    const { rows } = await database.admin.query(
      `select convert_from(error, 'UTF8') as error from history where state <> 9`,
    );
    expect(rows[0]?.['error']).toContain('RESULT_INVALID');
    expect(await count('aside', "kind = 'result'")).toBe(1);
    expect(await count('live')).toBe(0);
  });

  test('a partition that was stolen is dropped, the others commit (OR001)', async () => {
    await executorReady();
    await rig.submit(40);
    await until(() => tokens().length === 40, BOUND_MS);
    const stolen = partitionOfToken(tokens()[0] as Token);
    await database.admin.query(
      `update partition set epoch = epoch + 1, owner = 'thief', claimed_at = now() where id = $1`,
      [stolen],
    );
    await database.admin.query(
      `insert into node values ('thief', 's', 'other', now() + interval '1 hour')
       on conflict (thread) do update set seen = excluded.seen`,
    );
    rig.up('x1', ...tokens().map((token) => result(token, '"ok"')));
    const others = tokens().filter((token) => partitionOfToken(token) !== stolen).length;
    await eventually(async () => (await count('history', 'state = 9')) === others);
    expect(await count('live', `partition = ${stolen} and state = 3`)).toBe(40 - others);
    await database.admin.query(`delete from node where thread = 'thief'`);
  });

  test('a result that is said twice is recorded once and acknowledged twice', async () => {
    await executorReady();
    await rig.submit(1);
    await until(() => tokens().length === 1, BOUND_MS);
    const [token] = tokens() as [Token];
    rig.up('x1', result(token, '"ok"'), result(token, '"other"'));
    await until(() => rig.downOf('ack').length === 2, BOUND_MS);
    rig.up('x1', result(token, '"ok"'));
    await until(() => rig.downOf('ack').length === 3, BOUND_MS);
    const { rows } = await database.admin.query(
      `select convert_from(result, 'UTF8') as result from history`,
    );
    expect(rows).toEqual([{ result: '"ok"' }]);
  });

  test('a hint repeated after its run finished changes nothing', async () => {
    await executorReady();
    const [id = ''] = await rig.submit(1);
    await until(() => tokens().length === 1, BOUND_MS);
    rig.up('x1', result(tokens()[0] as Token, '"ok"'));
    await eventually(async () => (await count('history')) === 1);
    const { rows } = await database.admin.query('select * from history where id = $1', [id]);
    const row = rows[0] as Record<string, unknown>;
    const { encodeHint } = await import('#protocol');
    const hint = encodeHint({
      id,
      partition: row['partition'] as number,
      project: rig.project,
      job: null,
      jobVersion: null,
      spec: rig.spec,
      kind: 'SHELL',
      pool: 'default',
      need: 'shell',
      priority: 5,
      due: null,
      expires: null,
      submittedAt: 0,
      params: 'null',
    });
    const item = { kind: 'submitted', partition: row['partition'] as number, row: hint } as const;
    rig.tell({ kind: 'soft', items: [item, item] });
    await rig.submit(1);
    await until(() => tokens().length === 2, BOUND_MS);
    expect(await count('history')).toBe(1);
    expect(await count('live')).toBe(1);
  });
});
