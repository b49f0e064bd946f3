import { describe, expect, it } from 'vitest';
import { until } from '#actor';
import type { FeedQuery } from './event.js';
import type { Lease } from './lease.js';
import type { Replay } from './replay.js';
import { FeedWorld, PROJECT, eventOf } from './testkit/world.js';

const BOUND_MS = 8_000;
const ALL: FeedQuery = { projects: new Set([PROJECT]), filter: {} };

interface Reader {
  readonly lease: Lease;
  readonly replay: Replay;
}

/** Somebody who comes back with the cursor of the beginning. */
function comeBack(world: FeedWorld, partition?: number): Reader {
  const lease = world.feed.follow(partition);
  const zero = new Map(lease.partitions.map((id) => [id, 0]));
  const replay = lease.replay(ALL, lease.encode(zero));
  if ('kind' in replay) throw new Error(replay.kind);
  return { lease, replay };
}

describe('a herd of replays', () => {
  it('of one turn aims by one read, and by none of what is live', async () => {
    const world = new FeedWorld();
    world.commit(1, eventOf('a'));
    const readers = Array.from({ length: 200 }, (_, i) => comeBack(world, i % 2 ? 1 : undefined));
    const live = world.journal.asked.heads;
    const aimed = await Promise.all(readers.map(({ replay }) => replay.aim()));
    expect(aimed).toEqual(readers.map(() => ({ behind: 1 })));
    expect(world.journal.asked).toMatchObject({ targets: 1, heads: live });
  });

  it('is never aimed by heads that are older than the question', async () => {
    const world = new FeedWorld();
    const [first, second] = [comeBack(world, 1), comeBack(world, 1)];
    const answers: (() => void)[] = [];
    const { journal } = world;
    const read = journal.targets.bind(journal);
    journal.targets = async (partitions) => {
      const heads = await read(partitions);
      await new Promise<void>((resolve) => answers.push(resolve));
      return heads;
    };
    const before = first.replay.aim();
    await until(() => answers.length === 1, BOUND_MS);
    world.commit(1, eventOf('a'));
    const after = second.replay.aim();
    answers[0]?.();
    expect(await before).toEqual({ behind: 0 });
    await until(() => answers.length === 2, BOUND_MS);
    answers[1]?.();
    expect(await after).toEqual({ behind: 1 });
  });

  it('whose cursors expired together asks once for the oldest', async () => {
    const world = new FeedWorld();
    const { signal } = new AbortController();
    const oldest = await Promise.all(
      Array.from({ length: 200 }, () => world.feed.oldest(undefined, signal)),
    );
    expect(new Set(oldest).size).toBe(1);
    expect(world.journal.asked.oldest).toBe(1);
  });
});

describe('a read of a replay that fails', () => {
  it('is asked again, at first soon and then every two seconds, until it is there', async () => {
    const world = new FeedWorld();
    world.commit(1, eventOf('a'));
    const { replay } = comeBack(world, 1);
    world.journal.isDown = true;
    const { journal, scheduler } = world;
    const times: number[] = [];
    const read = journal.targets.bind(journal);
    journal.targets = async (partitions) => {
      times.push(scheduler.frame);
      return await read(partitions);
    };
    const aimed = replay.aim();
    await world.advance(8_000);
    const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    // A step or two of the clock are the question's own.
    expect(pauses.map((ms) => Math.floor(ms / 100) * 100)).toEqual([
      100, 200, 400, 800, 1_600, 2_000, 2_000,
    ]);
    world.journal.isDown = false;
    await world.advance(2_030);
    expect(await aimed).toEqual({ behind: 1 });
    world.journal.isDown = true;
    const page = replay.page();
    await world.advance(50);
    world.journal.isDown = false;
    await world.advance(100);
    expect(await page).toMatchObject({ ok: true, events: [{ run: 'a' }] });
  });

  it('is asked no more for who leaves, and nothing of it is left', async () => {
    const world = new FeedWorld();
    const { replay, lease } = comeBack(world, 1);
    world.journal.isDown = true;
    const aimed = replay.aim();
    await world.advance(30);
    lease.release();
    expect(await aimed).toEqual({ kind: 'LEFT' });
    expect(world.scheduler.actions).toEqual([]);
    const asked = world.journal.asked.targets;
    expect(await replay.aim()).toEqual({ kind: 'LEFT' });
    expect(world.journal.asked.targets).toBe(asked);
  });

  it('ends with the feed, also for who asks for the oldest cursor', async () => {
    const world = new FeedWorld();
    const { replay } = comeBack(world, 1);
    world.journal.isDown = true;
    const aimed = replay.aim();
    const oldest = world.feed.oldest(1, new AbortController().signal);
    await world.advance(30);
    world.feed.stop();
    expect(await aimed).toEqual({ kind: 'LEFT' });
    expect(await oldest).toBeUndefined();
    expect(world.scheduler.actions).toEqual([]);
  });

  it('is told to the journal by the signal when its reader has left', async () => {
    const world = new FeedWorld();
    world.commit(1, eventOf('a'));
    const { replay, lease } = comeBack(world, 1);
    await replay.aim();
    let signal: AbortSignal | undefined;
    world.journal.replay = async (_places, _bounds, given) => {
      signal = given;
      return await new Promise<never>(() => undefined);
    };
    const page = replay.page();
    expect(signal?.aborted).toBe(false);
    lease.release();
    expect(signal?.aborted).toBe(true);
    expect(await page).toEqual({ ok: false, error: { kind: 'LEFT' } });
  });
});
