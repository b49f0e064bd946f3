import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Cell,
  DEFAULT_RETRY,
  type PartitionWrites,
  type Policy,
  noWrites,
  sealEnd,
  sealRun,
} from '#core';
import {
  Connection,
  type NewRun,
  claimPartition,
  classify,
  commitBatch,
  intakeBatch,
  touchNode,
} from './index.js';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { type CuttingProxy, onWire, startProxy } from '../../../test/support/proxy.js';

let database: TestDatabase;
let proxy: CuttingProxy;
let intake: Connection;
let commits: Connection;
const owned = new Map<number, { epoch: number; seq: number }>();
const project = randomUUID();
const spec = randomUUID();
const policy: Policy = {
  retry: DEFAULT_RETRY,
  timeoutMs: 60_000,
  graceMs: 1_000,
  lostAfterMs: 10_000,
  retentionMs: 86_400_000,
  jobName: 'job',
  projectName: 'project',
};

beforeAll(async () => {
  database = await startTestDatabase(8);
  const { hostname, port } = new URL(database.url);
  proxy = await startProxy({ host: hostname, port: Number(port) });
  const url = new URL(database.url);
  url.port = String(proxy.port);
  const common = { url: url.href, pinned: true, name: 'orrery/test' } as const;
  intake = new Connection({ ...common, role: 'orrery_intake' });
  commits = new Connection({ ...common, role: 'orrery_scheduler' });
  await own();
}, 60_000);

afterAll(async () => {
  await intake.stop();
  await commits.stop();
  await proxy.stop();
  await database.stop();
});

async function own(): Promise<void> {
  const view = await touchNode(commits, 't1', 's1', 'scheduler');
  for (const { id, epoch } of view.partitions) {
    const claim = await claimPartition(commits, id, epoch, 't1');
    if (claim !== undefined) owned.set(id, { ...claim });
  }
}

function newRun(partition: number): NewRun {
  return {
    id: randomUUID(),
    partition,
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
    params: '{"a":1}',
    labels: null,
  };
}

function cellOf(run: NewRun, at: number): Cell {
  return {
    facts: {
      ...run,
      due: null,
      expires: null,
      submittedAt: at,
      dedup: null,
      cache: null,
      policy,
      params: '{"a":1}',
    },
    state: 'READY',
    lane: run.lane,
    rank: at,
    readyAt: at,
    startedAt: null,
    attempt: 0,
    spent: 0,
    token: null,
    record: { attempts: [], seqs: [] },
  };
}

async function submit(partitions: readonly number[]): Promise<Cell[]> {
  const runs = partitions.map(newRun);
  const specifications = [{ project, hash: spec, body: '{"kind":"shell"}', policy }];
  const batch = { id: randomUUID(), specifications, runs, commands: [], keys: [] };
  const { at } = await intakeBatch(intake, batch);
  return runs.map((run) => cellOf(run, at));
}

function writes(partition: number, given: Partial<PartitionWrites> = {}): PartitionWrites {
  const mine = owned.get(partition);
  return {
    ...noWrites(partition, mine?.epoch ?? 0),
    events: 1,
    segment: '[1,0,[],[]]',
    ...given,
  };
}

const takeIn = (cell: Cell): PartitionWrites =>
  writes(cell.facts.partition, { consumed: [cell.facts.id], changed: [sealRun(cell)] });

function ended(cell: Cell, result = '"ok"'): PartitionWrites {
  cell.state = 'SUCCEEDED';
  const end = { cell, outcome: 'SUCCEEDED' as const, finishedAt: Date.now(), result, error: null };
  return writes(cell.facts.partition, { finished: [sealEnd(end)] });
}

async function failureOf(work: Promise<unknown>) {
  try {
    await work;
  } catch (error) {
    return classify(error);
  }
  throw new Error('it was committed');
}

const count = async (table: string, where: string, values: unknown[]): Promise<number> =>
  Number(
    (await database.admin.query(`select count(*) from ${table} where ${where}`, values)).rows[0]?.[
      'count'
    ],
  );

describe('the fenced commit', () => {
  test('takes in, moves to history, and appends to the journal in one transaction', async () => {
    const cells = await submit([0, 1]);
    const answer = await commitBatch(commits, cells.map(takeIn), null);
    expect(Math.abs(answer.at - Date.now())).toBeLessThan(60_000);
    const [first] = cells as [Cell];
    await commitBatch(commits, [ended(first)], null);
    const { rows } = await database.admin.query(
      `select state, convert_from(result, 'UTF8') as result from history where id = $1`,
      [first.facts.id],
    );
    expect(rows).toEqual([{ state: 9, result: '"ok"' }]);
    expect(await count('live', 'id = $1', [first.facts.id])).toBe(0);
    expect(await count('inbox', 'ref = $1', [first.facts.id])).toBe(0);
  });

  test('OR001: a batch with an old epoch is refused whole, and names the partition', async () => {
    const cells = await submit([2, 3]);
    const stolen = owned.get(3);
    const claim = await claimPartition(commits, 3, stolen?.epoch ?? 0, 'thief');
    const failure = await failureOf(commitBatch(commits, cells.map(takeIn), null));
    expect(failure).toEqual({ kind: 'fenced', partitions: [3] });
    expect(await count('live', 'taken and id = any($1)', [cells.map((c) => c.facts.id)])).toBe(0);
    if (claim !== undefined) owned.set(3, { ...claim });
    await commitBatch(commits, cells.map(takeIn), null);
  });

  test('OR002: what is planned for later than the server’s clock is refused', async () => {
    const failure = await failureOf(commitBatch(commits, [writes(0)], Date.now() + 3_600_000));
    expect(failure.kind).toBe('early');
    if (failure.kind === 'early') expect(Math.abs(failure.at - Date.now())).toBeLessThan(60_000);
  });

  test('OR003: an inbox row is the right to apply, once', async () => {
    const [cell] = (await submit([4])) as [Cell];
    await commitBatch(commits, [takeIn(cell)], null);
    const failure = await failureOf(commitBatch(commits, [takeIn(cell)], null));
    expect(failure).toEqual({ kind: 'gone', ids: [cell.facts.id] });
  });

  test('a result with NUL and lone surrogates is stored as it is', async () => {
    const [cell] = (await submit([5])) as [Cell];
    await commitBatch(commits, [takeIn(cell)], null);
    const result = JSON.stringify({ nul: '\u0000', lone: '\ud800', text: 'ü' });
    await commitBatch(commits, [ended(cell, result)], null);
    const { rows } = await database.admin.query('select result from history where id = $1', [
      cell.facts.id,
    ]);
    expect(JSON.parse(String(rows[0]?.['result']))).toEqual(JSON.parse(result));
  });

  test('a broken constraint is refused for good, and nothing is written', async () => {
    const cells = await submit([6, 7]);
    await commitBatch(commits, cells.map(takeIn), null);
    const [good, bad] = cells as [Cell, Cell];
    await database.admin.query(
      `alter table history add constraint no_poison
       check (result <> convert_to('"poison"', 'UTF8'))`,
    );
    try {
      const batch = [ended(good), ended(bad, '"poison"')];
      const failure = await failureOf(commitBatch(commits, batch, null));
      expect(failure.kind).toBe('rejected-for-good');
      expect(await count('history', 'id = $1', [good.facts.id])).toBe(0);
      await commitBatch(commits, batch.slice(0, 1), null);
    } finally {
      await database.admin.query('alter table history drop constraint no_poison');
    }
    expect(await count('history', 'id = $1', [good.facts.id])).toBe(1);
  });
});

describe('a connection that is cut', () => {
  for (const how of ['before-send', 'before-answer', 'in-answer'] as const) {
    test(`around a commit, ${how}: the outcome is unknown, the fence tells`, async () => {
      const [cell] = (await submit([1])) as [Cell];
      const cut = proxy.cutNext(onWire(cell.facts.id), how);
      const failure = await failureOf(commitBatch(commits, [takeIn(cell)], null));
      await cut;
      expect(failure.kind).toBe('unknown');
      // Whoever claims anew either finds the row taken or may take it in: never both.
      const isTaken = await until(async () => {
        const claim = await claimPartition(commits, 1, owned.get(1)?.epoch ?? 0, 't1');
        if (claim === undefined) return undefined;
        owned.set(1, { ...claim });
        return await count('live', 'taken and id = $1', [cell.facts.id]);
      });
      expect(isTaken).toBe(how === 'before-send' ? 0 : 1);
      const again = commitBatch(commits, [takeIn(cell)], null);
      if (isTaken === 1) expect((await failureOf(again)).kind).toBe('gone');
      else await again;
      expect(await count('inbox', 'ref = $1', [cell.facts.id])).toBe(0);
    });

    test(`around an intake, ${how}: the same batch again makes each run once`, async () => {
      const run = newRun(2);
      const key = { project, operation: 'submitRun', key: `k-${how}`, hash: spec, ref: run.id };
      const batch = {
        id: randomUUID(),
        specifications: [],
        runs: [run],
        commands: [],
        keys: [key],
      };
      const cut = proxy.cutNext(onWire(run.id), how);
      const failure = await failureOf(intakeBatch(intake, batch));
      await cut;
      expect(failure.kind).toBe('unknown');
      const { replays } = await intakeBatch(intake, batch);
      expect(replays.size).toBe(0);
      expect(await count('live', 'id = $1', [run.id])).toBe(1);
      expect(await count('inbox', 'ref = $1', [run.id])).toBe(1);
    });
  }
});

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 200; i++) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error('it did not come');
}
