import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Cell,
  type PartitionWrites,
  isGranted,
  sealAttempt,
  sealEnd,
  sealGrant,
  sealRun,
} from '#core';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';
import { Specifications, fetchRuns, loadExpiries, loadLane, loadPartitions } from './index.js';
import { type Known, Life, PARTITIONS, cellOf } from './testkit/life.js';

const PARTITION = 3;
const LANE = '4711';
const WINDOW = 64;

let database: TestDatabase;
let life: Life;
beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  const text = `insert into project (name) values ('project') returning id`;
  const { rows } = await database.admin.query(text);
  life = new Life(database.url, String(rows[0]?.['id']));
  await life.own();
}, 60_000);
afterAll(async () => {
  await life.stop();
  await database.stop();
});

async function submit(count = 1): Promise<Known[]> {
  const given = { lane: LANE, startDeadlineMs: 3_600_000 };
  const runs = Array.from({ length: count }, () => life.newRun(PARTITION, given));
  return await life.submit(runs, false);
}
const write = async (known: Known, writes: Partial<PartitionWrites>): Promise<void> =>
  await life.commit([known], () => writes);

/** As the scheduler's batch does it. */
async function save(known: Known, cell: Cell, isNew = false): Promise<void> {
  if (!isGranted(cell)) await write(known, { changed: [sealRun(cell)] });
  else if (isNew) await write(known, { granted: [sealGrant(cell)] });
  else await write(known, { open: [sealAttempt(cell)] });
}

async function loaded({ run }: Known): Promise<Cell | undefined> {
  const fetched = await fetchRuns(life.owner, [run.id], new Specifications());
  return fetched.live.get(run.id)?.cell;
}
const idsOf = (cells: readonly Cell[]): string[] => cells.map(({ facts }) => facts.id);
const lane = { partition: PARTITION, lane: LANE, window: WINDOW };
const expiries = { partition: PARTITION, after: 0, window: 1_000 };
const laneHead = async (): Promise<string[]> =>
  idsOf(await loadLane(life.owner, lane, new Specifications()));
const expiring = async (): Promise<string[]> =>
  (await loadExpiries(life.owner, expiries)).map(({ id }) => id);

/** What is stored is what is read: all that a machine decides by. */
async function expectStored(known: Known, cell: Cell): Promise<void> {
  const { facts: _, ...rest } = cell;
  expect(await loaded(known)).toMatchObject(rest);
}

describe('a run with an open attempt', () => {
  test('that was taken in and granted in one commit is taken, and in no lane', async () => {
    const [known] = (await submit()) as [Known];
    const cell = life.grant(known);
    await write(known, { consumed: [known.run.id], granted: [sealGrant(cell)] });
    await expectStored(known, cell);
    const fetched = await fetchRuns(life.owner, [known.run.id], new Specifications());
    expect(fetched.live.get(known.run.id)?.taken).toBe(true);
    expect(await laneHead()).not.toContain(known.run.id);
    expect(await expiring()).toContain(known.run.id);
    const epoch = life.epochs.get(PARTITION) ?? 0;
    const wanted = { partitions: [{ partition: PARTITION, epoch }], window: WINDOW };
    const all = await loadPartitions(life.owner, wanted, new Specifications());
    expect(idsOf(all.get(PARTITION)?.cells ?? [])).toContain(known.run.id);
  });

  test('goes back to its lane at the rank it had, and is granted again', async () => {
    const [known] = (await submit()) as [Known];
    const first = { ...life.grant(known), rank: known.at + 1 };
    await write(known, { consumed: [known.run.id], granted: [sealGrant(first)] });
    const found = (await loaded(known)) as Cell;
    const back: Cell = { ...found, state: 'READY', lane: LANE, attempt: 0, token: null };
    back.record.bounces = { x: [1, 0] };
    await save(known, back);
    await expectStored(known, back);
    expect(await laneHead()).toContain(known.run.id);
    const again = life.grant(known);
    again.record.bounces = back.record.bounces;
    await save(known, again, true);
    await expectStored(known, again);
    // Bounced and granted anew between two commits: its row is still that of the grant before.
    const third = life.grant(known);
    third.record.bounces = { x: [2, 0] };
    const token = { ...third.token, seq: 30 };
    await save(known, { ...third, token }, true);
    expect((await loaded(known))?.token).toEqual(token);
  });

  test('runs, is stopped, is lost, and waits with its lost token', async () => {
    const [known] = (await submit()) as [Known];
    const cell: Cell = life.grant(known);
    await write(known, { consumed: [known.run.id] });
    await save(known, cell, true);
    cell.state = 'RUNNING';
    cell.startedAt = known.at + 7;
    await save(known, cell);
    await expectStored(known, cell);
    cell.state = 'CANCELLING';
    await save(known, cell);
    await expectStored(known, cell);
    const lost = life.grant(known).token;
    Object.assign(cell, { state: 'WAITING_RETRY', lane: '0', rank: known.at + 99, spent: 1 });
    Object.assign(cell, { token: null, startedAt: null });
    cell.record.lost = lost;
    await save(known, cell);
    await expectStored(known, cell);
    const second = { ...life.grant(known, 2), spent: 1 };
    await save(known, second, true);
    await expectStored(known, second);
  });

  test('that failed and was granted again in one commit remembers what it spent', async () => {
    const [known] = (await submit()) as [Known];
    await write(known, { consumed: [known.run.id], granted: [sealGrant(life.grant(known))] });
    const second = { ...life.grant(known, 2), spent: 1 };
    await save(known, second, true);
    await expectStored(known, second);
  });

  test('that ends leaves nothing open behind', async () => {
    const [known] = (await submit()) as [Known];
    const cell: Cell = life.grant(known);
    await write(known, { consumed: [known.run.id] });
    await save(known, cell, true);
    cell.state = 'SUCCEEDED';
    const end = { cell, outcome: 'SUCCEEDED', finishedAt: known.at, result: null, error: null };
    await write(known, { finished: [sealEnd({ ...end, outcome: 'SUCCEEDED' })] });
    const { rows } = await database.admin.query(
      `select (select count(*)::int from open_attempt where run = $1) as open,
        (select executor from history where id = $1) as executor`,
      [known.run.id],
    );
    expect(rows).toEqual([{ open: 0, executor: 'x' }]);
  });

  test('is refused when its attempt is not there', async () => {
    const [known] = (await submit()) as [Known];
    const cell = life.grant(known);
    await expect(save(known, cell)).rejects.toMatchObject({ code: 'OR901' });
  });
});

test('the head of a lane is read past what is open in it', async () => {
  await database.admin.query('delete from live; delete from open_attempt; delete from inbox');
  const all = await submit(WINDOW + 10);
  const granted = all.slice(0, WINDOW);
  await life.commit(all, () => ({
    consumed: all.map(({ run }) => run.id),
    granted: granted.map((known) => sealGrant(life.grant(known))),
    changed: all.slice(WINDOW).map((known) => sealRun(cellOf(known))),
  }));
  expect(await laneHead()).toEqual(all.slice(WINDOW).map(({ run }) => run.id));
});
