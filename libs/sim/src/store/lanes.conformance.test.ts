import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AuditedRow,
  type Cell,
  type GrantedCell,
  type PartitionWrites,
  sealGrant,
  sealRun,
} from '#core';
import { Owner, STORES, type StoreWorld, failureOf } from './testkit/worlds.js';

/** What the self-audit compares with memory: the same rows in the same order from both. */
describe.each(STORES)('%s', (_, open) => {
  let world: StoreWorld;
  let owner: Owner;

  beforeAll(async () => {
    world = await open();
    owner = new Owner(world);
    await owner.claimAll();
  }, 60_000);
  afterAll(async () => await world.stop());

  const commit = async (of: Cell, given: Partial<PartitionWrites>): Promise<void> => {
    const writes = owner.writes(of.facts.partition, given);
    expect(failureOf(await world.commit([writes]))).toBe('committed');
  };
  const takeIn = async (cell: Cell, lane: string | null, rank: number): Promise<void> => {
    Object.assign(cell, { state: lane === null ? 'PAUSED' : 'READY', readyAt: 1, lane, rank });
    await commit(cell, { consumed: [cell.facts.id], changed: [sealRun(cell)] });
  };
  async function grant(cell: Cell): Promise<void> {
    const { id: run, partition } = cell.facts;
    const token = { run, attempt: 1, executor: 'x1', incarnation: 1, seq: 1 };
    Object.assign(cell, {
      state: 'GRANTED',
      attempt: 1,
      token: { ...token, epoch: owner.epoch(partition) },
    });
    cell.record.grantedAt = 1;
    await commit(cell, { granted: [sealGrant(cell as GrantedCell)] });
  }
  const page = async (after: AuditedRow | null, window: number, epoch = owner.epoch(0)) =>
    await world.ask<readonly AuditedRow[]>((reply) =>
      world.store.reads.lanes({ partition: 0, epoch, after, window }, reply),
    );

  test('a page after the other by lane, rank, id; also what is open or in the inbox', async () => {
    const cells: Cell[] = [];
    while (cells.length < 6) {
      const cell = await owner.fresh();
      if (cell.facts.partition === 0) cells.push(cell);
    }
    const [a, b, c, d, held, untaken] = cells as [Cell, Cell, Cell, Cell, Cell, Cell];
    await takeIn(a, '4711', 30);
    await takeIn(b, '4711', 20);
    await takeIn(c, '99', 70);
    await takeIn(d, '4711', 20);
    await takeIn(held, null, 10);
    await grant(c);

    const [low, high] = [b.facts.id, d.facts.id].sort();
    const waits = { taken: true, isOpen: false, isInInbox: false };
    const all = await page(null, 100);
    const known = all.filter(({ lane }) => ['99', '4711'].includes(lane));
    expect(known).toEqual([
      { id: c.facts.id, lane: '99', rank: 70, ...waits, isOpen: true },
      { id: low, lane: '4711', rank: 20, ...waits },
      { id: high, lane: '4711', rank: 20, ...waits },
      { id: a.facts.id, lane: '4711', rank: 30, ...waits },
    ]);
    expect(all.map(({ id }) => id)).not.toContain(held.facts.id);
    expect(all.find(({ id }) => id === untaken.facts.id)).toMatchObject({
      taken: false,
      isOpen: false,
      isInInbox: true,
    });

    const paged: AuditedRow[] = [];
    for (let rows = await page(null, 2); rows.length > 0; ) {
      paged.push(...rows);
      expect(paged.length).toBeLessThanOrEqual(all.length);
      rows = await page(rows.at(-1) ?? null, 2);
    }
    expect(paged).toEqual(all);
    expect(await page(null, 100, owner.epoch(0) - 1), 'one that is displaced').toEqual([]);
  });
});
