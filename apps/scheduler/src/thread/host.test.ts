import { randomUUID } from 'node:crypto';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { type Token, partitionOf } from '#core';
import { until } from '#actor';
import { encodeHint } from '#protocol';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../test/support/database.js';
import { ThreadRig } from './testkit/thread-rig.js';
import { BOUND_MS, Watch } from './testkit/watch.js';

let database: TestDatabase;
let rig: ThreadRig;
let watch: Watch;

beforeAll(async () => {
  database = await startTestDatabase(8);
  watch = new Watch(database.admin);
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
  await trouble.empty(database.admin);
});

const executorReady = async (slots?: number): Promise<number> =>
  await watch.executorReady(rig, database.life, slots);
const count = async (table: string, where?: string): Promise<number> =>
  await watch.count(table, where);
const eventually = async (look: () => Promise<boolean>): Promise<void> =>
  await watch.eventually(look);

/** As an executor does: what is not acknowledged is said again. */
function restate(say: () => void): void {
  say();
  const timer = rig.every(300, say);
  onTestFinished(timer);
}

describe('one thread with the real database', () => {
  test('takes in what it was never told of, grants, and ends it', async () => {
    await rig.submit(20);
    await executorReady();
    await until(() => rig.tokens().length === 20, BOUND_MS);
    // An assignment leaves only after its grant is durable.
    expect(await count('open_attempt', 'state = 3')).toBe(20);
    rig.up('x1', ...rig.tokens().map((token) => rig.resultOf(token, '"ok"')));
    await eventually(async () => (await count('history', 'state = 9')) === 20);
    expect(rig.downOf('ack')).toHaveLength(20);
    expect(await count('live')).toBe(0);
    expect(await count('inbox')).toBe(0);
  });

  test('a result that the database refuses is set aside; 199 of its batch commit', async () => {
    await rig.submit(200);
    await executorReady();
    await until(() => rig.tokens().length === 200, BOUND_MS);
    await database.admin.query(
      `alter table history add constraint poison check (result <> convert_to('"poison"', 'UTF8'))`,
    );
    try {
      const all = rig.tokens();
      restate(() =>
        rig.up('x1', ...all.map((token, i) => rig.resultOf(token, i === 77 ? '"poison"' : '"ok"'))),
      );
      await eventually(async () => (await count('history')) === 200);
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
    await until(() => rig.tokens().length === 40, BOUND_MS);
    const owner = (token: Token): number => partitionOf(token.run, 8);
    const stolen = owner(rig.tokens()[0] as Token);
    await trouble.steal(database.admin, stolen);
    rig.up('x1', ...rig.tokens().map((token) => rig.resultOf(token, '"ok"')));
    const others = rig.tokens().filter((token) => owner(token) !== stolen).length;
    await eventually(async () => (await count('history', 'state = 9')) === others);
    expect(await count('open_attempt', `partition = ${stolen} and state = 3`)).toBe(40 - others);
    // The thief's is nobody's business here: its reports are answered with who has it.
    restate(() => rig.up('x1', ...rig.tokens().map((token) => rig.resultOf(token))));
    await until(() => rig.downOf('owners').some(({ owners }) => owners.length === 1), BOUND_MS);
    expect(rig.downOf('owners').at(-1)?.owners).toMatchObject([
      { partition: stolen, thread: 'thief' },
    ]);
  });

  test('a result that is said twice is recorded once and acknowledged twice', async () => {
    await executorReady();
    await rig.submit(1);
    await until(() => rig.tokens().length === 1, BOUND_MS);
    const [token] = rig.tokens() as [Token];
    rig.up('x1', rig.resultOf(token, '"ok"'), rig.resultOf(token, '"other"'));
    await until(() => rig.downOf('ack').length === 2, BOUND_MS);
    rig.up('x1', rig.resultOf(token, '"ok"'));
    await until(() => rig.downOf('ack').length === 3, BOUND_MS);
    const { rows } = await database.admin.query(
      `select convert_from(result, 'UTF8') as result from history`,
    );
    expect(rows).toEqual([{ result: '"ok"' }]);
  });

  test('a hint repeated after its run finished changes nothing', async () => {
    await executorReady();
    const [id = ''] = await rig.submit(1);
    await until(() => rig.tokens().length === 1, BOUND_MS);
    rig.up('x1', rig.resultOf(rig.tokens()[0] as Token, '"ok"'));
    await eventually(async () => (await count('history')) === 1);
    const { rows } = await database.admin.query('select * from history where id = $1', [id]);
    const row = rows[0] as Record<string, unknown>;
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
      dedup: null,
      cache: null,
      params: 'null',
    });
    const item = { kind: 'submitted', partition: row['partition'] as number, row: hint } as const;
    rig.tell({ kind: 'soft', items: [item, item] });
    await rig.submit(1);
    await until(() => rig.tokens().length === 2, BOUND_MS);
    expect(await count('history')).toBe(1);
    expect(await count('live')).toBe(1);
  });

  test('an executor that names no run at all delays nobody', async () => {
    await executorReady();
    const token = { run: 'no-id', attempt: 1, executor: 'x1', incarnation: 1, epoch: 1, seq: 1 };
    rig.up('x1', { ...rig.resultOf(token), partition: 0 } as never);
    const never = { ...token, run: randomUUID() };
    // Looked up, and found to be nobody's: acknowledged, so that its executor forgets it.
    rig.up('x1', rig.resultOf(never));
    await until(() => rig.downOf('ack').length === 1, BOUND_MS);
    expect(rig.downOf('ack')[0]?.token).toEqual(never);
    expect(rig.host.status().misrouted).toBe(1);
  });

  test('what parts columns in a result spoils that run alone', async () => {
    await executorReady();
    await rig.submit(5);
    await until(() => rig.tokens().length === 5, BOUND_MS);
    const all = rig.tokens();
    const text = (i: number): string => (i === 1 ? '"a\u001eb"' : `"${i}"`);
    rig.up('x1', ...all.map((token, i) => rig.resultOf(token, text(i))));
    await eventually(async () => (await count('history')) === 5);
    for (const [i, { run }] of all.entries()) {
      const { rows } = await database.admin.query(
        `select convert_from(result, 'UTF8') as result, convert_from(error, 'UTF8') as error
         from history where id = $1`,
        [run],
      );
      if (i === 1) expect(rows[0]?.['error']).toContain('RESULT_INVALID');
      else expect(rows[0]?.['result']).toBe(text(i));
    }
  });

  test('an answer to a read is kept while the database’s clock is not known', async () => {
    await executorReady();
    rig.pauseSeconds();
    const seen = rig.views;
    // Nothing that would sample the clock is under way.
    await until(() => rig.views > seen && rig.host.isIdle, BOUND_MS);
    rig.isolate();
    const before = rig.reads;
    const token = { attempt: 1, executor: 'x1', incarnation: 1, epoch: 1, seq: 1 };
    rig.up('x1', rig.resultOf({ ...token, run: randomUUID() }));
    await new Promise(setImmediate);
    // The read is under way; the last sample is too old by now.
    const real = performance.now.bind(performance);
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => real() + 31_000);
    onTestFinished(() => {
      spy.mockRestore();
    });
    await until(() => rig.reads > before, BOUND_MS);
    await new Promise(setImmediate);
    expect(rig.downOf('ack')).toEqual([]);
    rig.isolate(false);
    await until(() => rig.downOf('ack').length === 1, BOUND_MS);
  });

  test('large params leave as soon as they are read, not a second later', async () => {
    await executorReady();
    // Nothing else turns the thread: no seconds, no views.
    rig.pauseSeconds();
    rig.isolate();
    const params = JSON.stringify('x'.repeat(10_000));
    await rig.submit(1, { params });
    await until(() => rig.downOf('assign').length === 1, BOUND_MS);
    expect(rig.downOf('assign')[0]?.work.params).toBe(params);
  });
});
