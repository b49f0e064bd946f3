import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterView } from '#core';
import { Owner, PARTITIONS, STORES, type StoreWorld, failureOf } from './testkit/worlds.js';

/** Who is there and who owns what: the model and PostgreSQL alike. */
describe.each(STORES)('%s', (_, open) => {
  let world: StoreWorld;
  let owner: Owner;

  beforeAll(async () => {
    world = await open();
    owner = new Owner(world);
    await owner.claimAll();
  }, 60_000);
  afterAll(async () => await world.stop());

  test('who owns: compare-and-set, wanted by another, released by its epoch alone', async () => {
    const { control } = world.store;
    expect(await owner.claim(3, owner.epoch(3) - 1, 't2')).toBeUndefined();
    await world.ask<void>((reply) => control.want(3, 't2', reply));
    const outcome = await world.commit([owner.writes(3, { events: 1 })]);
    expect(outcome).toMatchObject({ committed: { wanted: [{ partition: 3, by: 't2' }] } });
    await world.ask<unknown>((reply) =>
      control.release([{ partition: 3, epoch: owner.epoch(3) - 1 }], 'late', reply as never),
    );
    const node = { thread: 't1', session: 's', scheduler: 't1' };
    const view = async () => await world.ask<ClusterView>((reply) => control.touch(node, reply));
    expect((await view()).partitions[3]).toMatchObject({ owner: 't1', wantedBy: 't2' });
    const held = [
      { partition: 2, epoch: owner.epoch(2) - 1 },
      { partition: 3, epoch: owner.epoch(3) },
    ];
    await world.ask<unknown>((reply) => control.release(held, 'done', reply as never));
    expect((await view()).partitions[2]?.owner).toBe('t1');
    expect((await view()).partitions[3]?.owner).toBeNull();
    const epoch = await owner.claim(3, owner.epoch(3), 't2');
    expect(epoch).toBe(owner.epoch(3) + 1);
    expect((await view()).partitions[3]).toMatchObject({ owner: 't2', wantedBy: null });
    expect(failureOf(await world.commit([owner.writes(3, { events: 1 })]))).toBe('fenced');
    owner.epochs.set(3, epoch as number);
  });

  test('of several that are claimed at once, those whose epoch had not moved on', async () => {
    const { control } = world.store;
    const stale = { partition: 0, expected: owner.epoch(0) - 1 };
    const claims = [{ partition: 2, expected: owner.epoch(2) }, stale];
    claims.push({ partition: 1, expected: owner.epoch(1) });
    const epochs = await world.ask((reply) => control.claim({ claims, thread: 't1' }, reply));
    const before = [...owner.epochs];
    for (const [partition, epoch] of epochs as ReadonlyMap<number, number>) {
      owner.epochs.set(partition, epoch);
    }
    const rise = new Map(before.map(([id, epoch]) => [id, owner.epoch(id) - epoch]));
    expect([0, 1, 2, 3].map((id) => rise.get(id))).toEqual([0, 1, 1, 0]);
    const partitions = [...owner.epochs].map(([partition, epoch]) => ({ partition, epoch }));
    const wanted = { partitions: partitions.map((of) => ({ ...of })), window: 8 };
    wanted.partitions[0] = { partition: 0, epoch: owner.epoch(0) - 1 };
    const loaded = await world.ask((reply) => control.load(wanted, reply));
    expect([...(loaded as ReadonlyMap<number, unknown>).keys()].sort((a, b) => a - b)).toEqual(
      partitions.map(({ partition }) => partition).filter((partition) => partition !== 0),
    );
  });

  test('who gives up says so, and how often that was so in a row; by its epoch alone', async () => {
    const { control } = world.store;
    const node = { thread: 't1', session: 's', scheduler: 't1' };
    const seen = async () =>
      (await world.ask<ClusterView>((reply) => control.touch(node, reply))).partitions[2];
    const giveUp = async (epoch: number) =>
      await world.ask<unknown>((reply) => control.giveUp(2, epoch, 'no', reply as never));
    expect(await seen()).toMatchObject({ owner: 't1', gaveUp: 0, gaveUpMsAgo: null });
    await giveUp(owner.epoch(2) - 1);
    expect(await seen()).toMatchObject({ owner: 't1', gaveUp: 0 });
    for (const times of [1, 2]) {
      await giveUp(owner.epoch(2));
      expect(await seen()).toMatchObject({ owner: null, gaveUp: times });
      expect((await seen())?.gaveUpMsAgo).toBeGreaterThanOrEqual(0);
      owner.epochs.set(2, (await owner.claim(2, owner.epoch(2), 't1')) as number);
      expect(await seen()).toMatchObject({ owner: 't1', gaveUp: times });
    }
  });

  test('who leaves is gone with its own session alone', async () => {
    const { control } = world.store;
    const touch = async (thread: string, session: string) =>
      await world.ask<ClusterView>((reply) =>
        control.touch({ thread, session, scheduler: thread }, reply),
      );
    const names = (view: ClusterView) => view.nodes.map((node) => node.thread);
    await touch('t9', 'new');
    await world.ask<unknown>((reply) =>
      control.leave({ thread: 't9', session: 'old', scheduler: 't9' }, reply as never),
    );
    expect(names(await touch('t1', 's'))).toContain('t9');
    await world.ask<unknown>((reply) =>
      control.leave({ thread: 't9', session: 'new', scheduler: 't9' }, reply as never),
    );
    expect(names(await touch('t1', 's'))).not.toContain('t9');
    expect((await touch('t1', 's')).partitions).toHaveLength(PARTITIONS);
  });

  test('what happens to who owns what is on record, each once', async () => {
    const { control } = world.store;
    const [partition, from] = [2, owner.epoch(2)];
    const begun = (await world.clusterEvents(partition)).length;
    const touch = async (thread: string) =>
      await world.ask<ClusterView>((reply) =>
        control.touch({ thread, session: 's', scheduler: thread }, reply),
      );
    const claim = async (thread: string, expected: number) =>
      await owner.claim(partition, expected, thread);
    const release = async (epoch: number) =>
      await world.ask<unknown>((reply) =>
        control.release([{ partition, epoch }], 'stopped', reply as never),
      );
    const fence = { partition, epoch: from, events: 3, granted: 2, finished: 1 };
    const fenced = async () =>
      await world.ask<unknown>((reply) => control.fenced('t1', [fence], reply as never));
    await touch('t1');
    await touch('t2');
    await claim('t2', from - 1);
    await claim('t2', from);
    await fenced();
    await fenced();
    // The same thread anew, after an outcome that nobody knows.
    await claim('t2', from + 1);
    await release(from + 1);
    await release(from + 2);
    await release(from + 2);
    await claim('t1', from + 2);
    // By its own word it is gone: what it has may be taken.
    await world.ask<unknown>((reply) =>
      control.leave({ thread: 't1', session: 's', scheduler: 't1' }, reply as never),
    );
    await claim('t2', from + 3);
    const { epoch: _, events, granted, finished } = fence;
    const event = { partition, before: null, reason: null, refused: null };
    expect((await world.clusterEvents(partition)).slice(begun)).toEqual([
      { ...event, kind: 'STOLEN', epoch: from + 1, thread: 't2', before: 't1' },
      {
        ...event,
        kind: 'FENCED',
        epoch: from,
        thread: 't1',
        refused: { events, granted, finished },
      },
      { ...event, kind: 'CLAIMED', epoch: from + 2, thread: 't2', before: 't2' },
      { ...event, kind: 'RELEASED', epoch: from + 2, thread: 't2', reason: 'stopped' },
      { ...event, kind: 'CLAIMED', epoch: from + 3, thread: 't1' },
      { ...event, kind: 'CLAIMED', epoch: from + 4, thread: 't2', before: 't1' },
    ]);
    owner.epochs.set(partition, from + 4);
  });
});
