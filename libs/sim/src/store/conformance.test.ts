import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Bodies,
  type Cell,
  type Fetched,
  type GrantedCell,
  INBOX_COMMAND,
  INBOX_SUBMIT,
  LANE_TIMED,
  type LoadedPartition,
  type PartitionWrites,
  sealAttempt,
  sealEnd,
  sealGrant,
  sealRun,
} from '#core';
import { Owner, STORES, type StoreWorld, failureOf } from './testkit/worlds.js';

/** One suite for the model and for PostgreSQL: what the simulator rests on is so. */
describe.each(STORES)('%s', (_, open) => {
  let world: StoreWorld;
  let owner: Owner;

  beforeAll(async () => {
    world = await open();
    owner = new Owner(world);
    await owner.claimAll();
  }, 60_000);
  afterAll(async () => await world.stop());

  const commit = async (of: Cell, given: Partial<PartitionWrites>): Promise<string> =>
    failureOf(await world.commit([owner.writes(of.facts.partition, given)]));
  const found = async (of: Cell) => {
    const { id } = of.facts;
    const fetched = await world.ask<Fetched>((reply) => world.store.reads.runs([id], reply));
    return { live: fetched.live.get(id), final: fetched.final.get(id) };
  };
  const load = async (partition: number, window = 100, epoch = owner.epoch(partition)) => {
    const wanted = { partitions: [{ partition, epoch }], window };
    const { control } = world.store;
    type Answer = ReadonlyMap<number, LoadedPartition>;
    return (await world.ask<Answer>((reply) => control.load(wanted, reply))).get(partition);
  };
  const ids = (cells: readonly Cell[] | undefined) => cells?.map((cell) => cell.facts.id) ?? [];

  async function ready(of = {}): Promise<Cell> {
    const cell = await owner.fresh(of);
    const { id } = cell.facts;
    Object.assign(cell, { state: 'READY', readyAt: cell.facts.submittedAt });
    expect(await commit(cell, { consumed: [id], changed: [sealRun(cell)] })).toBe('committed');
    return cell;
  }
  function grant(cell: Cell, attempt = 1): GrantedCell {
    const { id: run, partition } = cell.facts;
    const epoch = owner.epoch(partition);
    const token = { run, attempt, executor: 'x1', incarnation: 1, epoch, seq: attempt };
    Object.assign(cell, { state: 'GRANTED', token, attempt });
    cell.record.grantedAt = 1;
    return cell as GrantedCell;
  }

  test('what was submitted stands in the inbox, not taken, and in no load', async () => {
    const cell = await owner.fresh();
    const { id, partition } = cell.facts;
    expect(cell).toMatchObject({ state: 'SCHEDULED', token: null, attempt: 0 });
    expect((await found(cell)).live?.taken).toBe(false);
    expect(ids((await load(partition))?.cells)).not.toContain(id);
    const row = (await owner.inbox(partition)).find((of) => of.id === id);
    expect(row).toMatchObject({ kind: INBOX_SUBMIT, ref: id, tries: 0 });
  });

  test('a row that is named has one try more; what is gone by then is no harm', async () => {
    const cell = await owner.fresh();
    const { id, partition } = cell.facts;
    const tries = async () => (await owner.inbox(partition)).find((of) => of.id === id)?.tries;
    expect(await commit(cell, { named: [id] })).toBe('committed');
    expect(await commit(cell, { named: [id] })).toBe('committed');
    expect(await tries()).toBe(2);
    Object.assign(cell, { state: 'READY', readyAt: cell.facts.submittedAt });
    await commit(cell, { consumed: [id], changed: [sealRun(cell)] });
    expect(await commit(cell, { named: [id] })).toBe('committed');
    expect(await tries()).toBeUndefined();
  });

  test('what is due later waits in the lane of time, at its time', async () => {
    const cell = await owner.fresh({ afterMs: 60_000, startDeadlineMs: 5_000 });
    const { due, submittedAt, expires } = cell.facts;
    expect(due).toBeCloseTo(submittedAt + 60_000, 0);
    expect(expires).toBeCloseTo(submittedAt + 65_000, 0);
    expect(cell).toMatchObject({ lane: LANE_TIMED, rank: Math.round(due as number) });
  });

  test('taking in: the row goes, it is taken, and what is stored is what is read', async () => {
    const cell = await ready();
    const { live } = await found(cell);
    expect(live?.taken).toBe(true);
    const { facts: _facts, ...rest } = cell;
    expect(live?.cell).toMatchObject(rest);
    expect((await owner.inbox(cell.facts.partition)).map((row) => row.id)).not.toContain(
      cell.facts.id,
    );
    expect(ids((await load(cell.facts.partition))?.cells)).toContain(cell.facts.id);
  });

  test('an inbox row is applied once: the second commit is gone, and writes nothing', async () => {
    const cell = await ready();
    const { id } = cell.facts;
    cell.rank += 1;
    expect(await commit(cell, { consumed: [id], changed: [sealRun(cell)] })).toBe('gone');
    expect((await found(cell)).live?.cell.rank).toBe(cell.rank - 1);
  });

  test('an epoch that is not the current one: fenced, whole', async () => {
    const [a, b] = [await ready(), await ready()];
    let other = b;
    while (other.facts.partition === a.facts.partition) other = await ready();
    a.rank += 5;
    other.rank += 5;
    const old = owner.writes(a.facts.partition, { changed: [sealRun(a)] });
    const good = owner.writes(other.facts.partition, { changed: [sealRun(other)] });
    const outcome = await world.commit([{ ...old, epoch: old.epoch - 1 }, good]);
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: { kind: 'fenced', partitions: [a.facts.partition] },
    });
    expect((await found(other)).live?.cell.rank).toBe(other.rank - 5);
  });

  test('what fired before its time by the store’s clock is early', async () => {
    const cell = await ready();
    const far = cell.facts.submittedAt + 3_600_000;
    const writes = owner.writes(cell.facts.partition, { changed: [sealRun(cell)] });
    const outcome = await world.commit([writes], far);
    expect(failureOf(outcome)).toBe('early');
    expect(failureOf(await world.commit([writes], cell.facts.submittedAt))).toBe('committed');
  });

  test('an attempt is opened by its grant, saved while it is open, closed by its end', async () => {
    const cell = grant(await ready());
    expect(await commit(cell, { granted: [sealGrant(cell)] })).toBe('committed');
    const { live } = await found(cell);
    expect(live?.cell).toMatchObject({ state: 'GRANTED', token: cell.token, lane: null });
    Object.assign(cell, { state: 'RUNNING', startedAt: 5 });
    expect(await commit(cell, { open: [sealAttempt(cell)] })).toBe('committed');
    expect((await found(cell)).live?.cell).toMatchObject({ state: 'RUNNING', startedAt: 5 });
    const lane = { partition: cell.facts.partition, lane: cell.lane as string, window: 100 };
    const head = await world.ask<readonly Cell[]>((reply) => world.store.reads.lane(lane, reply));
    expect(ids(head)).not.toContain(cell.facts.id);
    expect(ids((await load(cell.facts.partition))?.cells)).toContain(cell.facts.id);
    cell.state = 'SUCCEEDED';
    const end = { cell, outcome: 'SUCCEEDED', finishedAt: 9, result: '1', error: null } as const;
    expect(await commit(cell, { finished: [sealEnd(end)] })).toBe('committed');
    const ended = await found(cell);
    expect(ended.live).toBeUndefined();
    expect(ended.final).toMatchObject({ state: 'SUCCEEDED' });
    expect(ids((await load(cell.facts.partition))?.cells)).not.toContain(cell.facts.id);
  });

  test('a retry: back to its lane, and granted again under another token', async () => {
    const cell = grant(await ready());
    const { lane } = cell;
    await commit(cell, { granted: [sealGrant(cell)] });
    Object.assign(cell, { state: 'WAITING_RETRY', token: null, lane: LANE_TIMED, rank: 77 });
    expect(await commit(cell, { changed: [sealRun(cell)] })).toBe('committed');
    expect((await found(cell)).live?.cell).toMatchObject({ lane: LANE_TIMED, token: null });
    Object.assign(cell, { state: 'READY', lane });
    const again = grant(cell, 2);
    expect(await commit(again, { granted: [sealGrant(again)] })).toBe('committed');
    expect((await found(again)).live?.cell.token).toEqual(again.token);
  });

  test('what cannot be stored is refused for good, whole: a run that is over', async () => {
    const cell = await ready();
    const bystander = await ready();
    cell.state = 'CANCELLED';
    const end = { cell, outcome: 'CANCELLED', finishedAt: 9, result: null, error: null } as const;
    await commit(cell, { finished: [sealEnd(end)] });
    bystander.rank += 3;
    const both = [
      owner.writes(cell.facts.partition, { changed: [sealRun(cell)] }),
      ...(cell.facts.partition === bystander.facts.partition
        ? []
        : [owner.writes(bystander.facts.partition, { changed: [sealRun(bystander)] })]),
    ];
    expect(failureOf(await world.commit(both))).toBe('rejected-for-good');
    expect((await found(bystander)).live?.cell.rank).toBe(bystander.rank - 3);
    const never = grant(bystander);
    expect(await commit(never, { open: [sealAttempt(never)] })).toBe('rejected-for-good');
  });

  test('a lane is read in the order of its ranks, so many of it', async () => {
    const cells: Cell[] = [];
    while (cells.filter((cell) => cell.facts.partition === 0).length < 4) cells.push(await ready());
    const here = cells.filter((cell) => cell.facts.partition === 0);
    for (const [i, cell] of here.entries()) {
      Object.assign(cell, { lane: '4711', rank: 100 - i });
      await commit(cell, { changed: [sealRun(cell)] });
    }
    const of = { partition: 0, lane: '4711', window: 3 };
    const head = await world.ask<readonly Cell[]>((reply) => world.store.reads.lane(of, reply));
    expect(ids(head)).toEqual(ids([...here].reverse().slice(0, 3)));
    const loaded = await load(0, 2);
    expect(loaded?.cells.filter((cell) => cell.lane === '4711')).toHaveLength(2);
  });

  test('a load is for the epoch that owns: another gets nothing', async () => {
    expect(await load(1, 10, owner.epoch(1) - 1)).toBeUndefined();
  });

  test('the head of the journal counts events, with the commit alone', async () => {
    const cell = await ready();
    const { partition } = cell.facts;
    const before = (await load(partition))?.seq ?? 0;
    expect(await commit(cell, { events: 3, changed: [sealRun(cell)] })).toBe('committed');
    expect(await commit(cell, { events: 2, consumed: [cell.facts.id] })).toBe('gone');
    expect((await load(partition))?.seq).toBe(before + 3);
  });

  test('expiries are read in order, of what was taken in', async () => {
    const late = await ready({ startDeadlineMs: 90_000 });
    const soon = await ready({ startDeadlineMs: 30_000 });
    const untaken = await owner.fresh({ startDeadlineMs: 10_000 });
    for (const partition of owner.epochs.keys()) {
      const of = { partition, after: 0, window: 100 };
      const rows = await world.ask<readonly { id: string; expires: number }[]>((reply) =>
        world.store.reads.expiries(of, reply),
      );
      expect(rows.map((row) => row.expires)).toEqual(
        rows.map((row) => row.expires).toSorted((a, b) => a - b),
      );
      expect(rows.map((row) => row.id)).not.toContain(untaken.facts.id);
      for (const cell of [late, soon]) {
        if (cell.facts.partition !== partition) continue;
        expect(rows.find((row) => row.id === cell.facts.id)?.expires).toBeCloseTo(
          cell.facts.expires as number,
          0,
        );
      }
    }
  });

  test('a command stands in the inbox until it is applied, and its answer with it', async () => {
    const cell = await ready();
    const id = await world.pause(cell.facts.id);
    const row = (await owner.inbox(cell.facts.partition)).find((of) => of.id === id);
    expect(row).toMatchObject({ kind: INBOX_COMMAND, ref: cell.facts.id });
    const answers = [{ command: id, outcome: '{"ok":true,"state":"PAUSED"}' }];
    expect(await commit(cell, { consumed: [id], answers })).toBe('committed');
    expect((await owner.inbox(cell.facts.partition)).map((of) => of.id)).not.toContain(id);
  });

  test('the inbox is read so many of each partition', async () => {
    for (let i = 0; i < 12; i++) await owner.fresh();
    const rows = await owner.inbox(undefined, 2);
    for (const partition of owner.epochs.keys()) {
      expect(rows.filter((row) => row.partition === partition).length).toBeLessThanOrEqual(2);
    }
  });

  test('specifications and large params are read for an assignment, then at hand', async () => {
    const large = 'x'.repeat(5_000);
    const cell = await owner.fresh({ script: { ms: 1, ends: ['SUCCEEDED'], result: large } });
    const { id, project, spec } = cell.facts;
    expect(cell.facts.params).toBeUndefined();
    const wanted = { specifications: [{ project, spec }], paramsOf: [id] };
    const bodies = await world.ask<Bodies>((reply) => world.store.reads.bodies(wanted, reply));
    expect(bodies.params.get(id)).toContain(large);
    expect(bodies.specification(project, spec)?.body).toBe('{}');
    expect(world.store.specification(project, spec)?.body).toBe('{}');
  });
});
