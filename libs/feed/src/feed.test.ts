import { describe, expect, it } from 'vitest';
import { LIVE } from '#protocol';
import type { FeedFilter, FeedQuery } from './event.js';
import type { FeedEnd, Lease } from './lease.js';
import { FeedWorld, LIFE, PROJECT, STRANGER, eventOf, topics } from './testkit/world.js';

const query = (filter: FeedFilter = {}): FeedQuery => ({ projects: new Set([PROJECT]), filter });

interface Ear {
  readonly lease: Lease;
  readonly heard: string[];
  readonly batches: number[];
  readonly ends: FeedEnd[];
}

async function listen(world: FeedWorld, partition?: number, asked = query()): Promise<Ear> {
  const lease = world.feed.follow(partition);
  const ear: Ear = { lease, heard: [], batches: [], ends: [] };
  lease.end$.subscribe((end) => ear.ends.push(end));
  lease.opened$.subscribe(() =>
    lease.tail(asked).events$.subscribe((events) => {
      ear.batches.push(events.length);
      for (const { partition: of, seq, run } of events) ear.heard.push(`${of}.${seq} ${run}`);
    }),
  );
  await world.advance(10);
  return ear;
}

describe('the feed', () => {
  it('passes on what is committed, once a message', async () => {
    const world = new FeedWorld();
    world.commit(1, eventOf('old'));
    const ear = await listen(world);
    const first = world.commit(1, eventOf('a'), eventOf('b'));
    world.wire.arrive(first, world.commit(2, eventOf('c')));
    expect(ear.heard).toEqual(['1.2 a', '1.3 b', '2.1 c']);
    expect(ear.batches).toEqual([3]);
    expect(world.journal.asked.fill).toBe(0);
  });

  it('asks for segments at once, every two seconds, and only while somebody follows', async () => {
    const world = new FeedWorld();
    await world.advance(LIVE.lapseMs);
    expect(world.wire.wants).toEqual([]);
    const one = await listen(world, 1);
    const two = await listen(world, 3);
    // Once for the connection that is up, once for each that came after it.
    expect(world.wire.wants.at(-1)).toEqual([1, 3]);
    const before = world.wire.wants.length;
    await world.advance(LIVE.restateMs * 3);
    expect(world.wire.wants.slice(before)).toEqual([
      [1, 3],
      [1, 3],
      [1, 3],
    ]);
    one.lease.release();
    await world.advance(LIVE.restateMs);
    expect(world.wire.wants.at(-1)).toEqual([3]);
    two.lease.release();
    const after = world.wire.wants.length;
    const asked = world.journal.asked.heads;
    await world.advance(LIVE.lapseMs);
    expect(world.wire.wants).toHaveLength(after);
    expect(world.journal.asked.heads).toBe(asked);
    expect(world.wire.subscriptions).toBe(0);
    expect(world.scheduler.actions).toEqual([]);
    const { leases, partitions, listeners, keys } = world.feed.counts;
    expect([leases, partitions, listeners, keys]).toEqual([0, 0, 0, 0]);
  });

  it('asks again when the broker is back', async () => {
    const world = new FeedWorld();
    await listen(world, 1);
    const before = world.wire.wants.length;
    world.wire.up$.next(false);
    world.wire.up$.next(true);
    expect(world.wire.wants).toHaveLength(before + 1);
  });

  it('the last segment before a silence, lost on the wire, is there within 2 s', async () => {
    const world = new FeedWorld();
    const ear = await listen(world, 1);
    await world.advance(1_500);
    world.commit(1, eventOf('lost'));
    await world.advance(1_990);
    expect(ear.heard).toEqual(['1.1 lost']);
  });

  it('what is committed while a follower is not known yet is there soon', async () => {
    const world = new FeedWorld();
    const ear = await listen(world, 1);
    world.commit(1, eventOf('early'));
    await world.advance(400);
    expect(ear.heard).toEqual(['1.1 early']);
  });

  it('a head that a thread says reveals it sooner', async () => {
    const world = new FeedWorld();
    const ear = await listen(world, 1);
    world.commit(1, eventOf('lost'));
    world.wire.arrive({ kind: 'heads', heads: [{ partition: 1, seq: 1 }] });
    await world.advance(0);
    expect(ear.heard).toEqual(['1.1 lost']);
  });

  it('a head from the database gives the wire its time: no needless read', async () => {
    const world = new FeedWorld();
    const ear = await listen(world, 1);
    await world.advance(980);
    const late = world.commit(1, eventOf('a'));
    await world.advance(50);
    world.wire.arrive(late);
    await world.advance(500);
    expect(ear.heard).toEqual(['1.1 a']);
    expect(world.journal.asked.fill).toBe(0);
  });

  it('goes on without a broker, and through a database that is away', async () => {
    const world = new FeedWorld();
    const ear = await listen(world, 1);
    world.journal.isDown = true;
    world.commit(1, eventOf('a'));
    world.wire.arrive(world.commit(1, eventOf('b')));
    await world.advance(5_000);
    expect(ear.heard).toEqual([]);
    world.journal.isDown = false;
    await world.advance(2_000);
    expect(ear.heard).toEqual(['1.1 a', '1.2 b']);
  });

  it('opens when the database is back', async () => {
    const world = new FeedWorld();
    world.journal.isDown = true;
    const ear = await listen(world);
    world.journal.isDown = false;
    await world.advance(1_000);
    world.publish(0, eventOf('a'));
    expect(ear.heard).toEqual(['0.1 a']);
  });

  it('what makes no sense is dropped and counted, and the journal has the truth', async () => {
    const world = new FeedWorld();
    const ear = await listen(world, 1);
    world.wire.arriveRaw(topics.live('t.0'), 'nonsense');
    world.commit(1, eventOf('a'));
    world.wire.arrive({ kind: 'segment', partition: 1, seq: 1, n: 1, events: '[9,0,[],[]]' });
    world.wire.arrive({ kind: 'segment', partition: 1, seq: 1, n: 3, events: '[1,0,[],[]]' });
    world.wire.arriveRaw(topics.liveWant, 'of another gateway');
    expect(world.feed.counts.poisoned).toBe(3);
    await world.advance(2_000);
    expect(ear.heard).toEqual(['1.1 a']);
  });

  it("another project's events never leave, live or replayed, by whatever filter", async () => {
    const world = new FeedWorld();
    const theirs = eventOf('secret', { project: STRANGER, job: 'j', executor: 'x' });
    const filters: FeedFilter[] = [
      {},
      { runs: new Set(['secret']) },
      { jobs: new Set(['j']) },
      { executors: new Set(['x']) },
    ];
    const ears = await Promise.all(filters.map((filter) => listen(world, 1, query(filter))));
    const start = ears[0]?.lease.cursor() ?? '';
    world.publish(1, theirs, { ...theirs, project: PROJECT, run: 'ours' });
    world.commit(1, theirs);
    await world.advance(2_000);
    expect(ears.flatMap((ear) => ear.heard).filter((text) => text.endsWith('secret'))).toEqual([]);
    expect(ears.map((ear) => ear.heard.length)).toEqual([1, 0, 1, 1]);
    for (const [i, ear] of ears.entries()) {
      const replay = ear.lease.replay(query(filters[i]), start);
      if ('kind' in replay) throw new Error(replay.kind);
      await replay.aim();
      const page = await replay.page();
      expect(page.ok && page.events.map(({ run }) => run)).toEqual(i === 1 ? [] : ['ours']);
    }
  });

  it('who has replayed further than the feed hears nothing twice', async () => {
    const world = new FeedWorld();
    const lease = world.feed.follow(1);
    await world.advance(500);
    const start = lease.cursor();
    const late = [world.commit(1, eventOf('a')), world.commit(1, eventOf('b'))];
    const replay = lease.replay(query(), start);
    if ('kind' in replay) throw new Error(replay.kind);
    await replay.aim();
    await replay.page();
    const tail = lease.tail(query(), replay);
    const heard: string[] = [];
    tail.events$.subscribe((events) => heard.push(...events.map(({ run }) => run)));
    expect(lease.cursor()).toBe(start);
    expect(tail.cursor()).toBe(lease.encode(new Map([[1, 2]])));
    world.wire.arrive(...late.slice(0, 1));
    expect(tail.cursor()).toBe(lease.encode(new Map([[1, 2]])));
    world.wire.arrive(...late.slice(1), world.commit(1, eventOf('c')));
    expect(heard).toEqual(['c']);
    expect(tail.cursor()).toBe(lease.cursor());
    expect(tail.cursor()).toBe(lease.encode(new Map([[1, 3]])));
    world.publish(1, eventOf('d'));
    expect(heard).toEqual(['c', 'd']);
  });

  it('a journal that lacks what comes next ends who follows, and a new one begins', async () => {
    const world = new FeedWorld();
    const ear = await listen(world, 1);
    const other = await listen(world, 2);
    world.commit(1, eventOf('a'));
    world.commit(1, eventOf('b'));
    world.journal.forget(1, 1);
    await world.advance(2_000);
    expect(ear.ends).toEqual([{ kind: 'GONE' }]);
    expect(other.ends).toEqual([]);
    const again = await listen(world, 1);
    world.publish(1, eventOf('c'));
    expect(again.heard).toEqual(['1.3 c']);
    expect(await world.feed.oldest(1, new AbortController().signal)).toBe(cursorOf(world, 1, 1));
  });

  it('a restored cluster ends everybody, and its cursors are of the new life', async () => {
    const world = new FeedWorld();
    const ear = await listen(world);
    const before = ear.lease.cursor();
    world.journal.life = LIFE.replace('0f8f', '1e7e');
    await world.advance(1_000);
    expect(ear.ends).toEqual([{ kind: 'RESTORED' }]);
    const again = await listen(world);
    expect(again.lease.replay(query(), before)).toEqual({ kind: 'CURSOR_EXPIRED' });
    expect(again.lease.cursor()).not.toBe(before);
  });

  it('stops twice, and without a start', async () => {
    const world = new FeedWorld();
    const ear = await listen(world);
    world.feed.stop();
    world.feed.stop();
    expect(ear.ends).toEqual([{ kind: 'STOPPED' }]);
    expect(world.scheduler.actions).toEqual([]);
    expect(world.wire.subscriptions).toBe(0);
    new FeedWorld().feed.stop();
  });

  it('a partition followed anew takes no answer that was asked for the one before', async () => {
    const world = new FeedWorld();
    const first = await listen(world, 1);
    world.commit(1, eventOf('a'));
    world.wire.arrive(world.commit(1, eventOf('b')));
    first.lease.release();
    const again = await listen(world, 1);
    world.publish(1, eventOf('c'));
    expect(again.heard).toEqual(['1.3 c']);
    expect(again.ends).toEqual([]);
  });
});

function cursorOf(world: FeedWorld, partition: number, seq: number): string {
  const lease = world.feed.follow(partition);
  const text = lease.encode(new Map([[partition, seq]]));
  lease.release();
  return text;
}
