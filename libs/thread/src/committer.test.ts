import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { until } from '#actor';
import type { Cell } from '#core';
import { claimPartition } from '#postgres';
import { trouble } from '../../../test/support/database.js';
import { CommitWorld } from './testkit/commit-world.js';

const BOUND_MS = 5_000;
const world = CommitWorld.forSuite();

describe('committed', () => {
  test('effects leave only then, in the order in which they were asked for', async () => {
    const [a, b] = (await world.rig.submit([0, 1])) as [Cell, Cell];
    world.rig.step(0, world.rig.takeIn(a), 'a1', 'a2');
    world.rig.step(1, world.rig.takeIn(b), 'b1');
    world.rig.step(0, [], 'a3');
    expect(world.rig.left).toEqual([]);
    world.rig.settle();
    expect(world.rig.left).toEqual([]);
    await world.idle();
    expect(world.rig.left).toEqual(['commit 0 1', 'a1', 'a2', 'b1', 'a3']);
    expect(await world.count('live', 'taken')).toBe(2);
  });

  test('with nothing open and nothing in flight an effect leaves at once', () => {
    world.rig.step(0, [], 'now');
    expect(world.rig.left).toEqual(['now']);
  });

  test('an effect of a step that wrote nothing waits for what was open or in flight', async () => {
    const [a, b] = (await world.rig.submit([0, 1])) as [Cell, Cell];
    world.rig.step(0, world.rig.takeIn(a));
    world.rig.settle();
    // The first batch is in flight: a repeated report's ack must not overtake it.
    world.rig.step(0, [], 'behind the first');
    world.rig.step(1, world.rig.takeIn(b));
    world.rig.step(0, [], 'behind the second');
    expect(world.rig.left).toEqual([]);
    await world.idle();
    const order = ['commit 0', 'behind the first', 'commit 1', 'behind the second'];
    expect(world.rig.left).toEqual(order);
  });

  test('who wants a partition is looked at; a commit alone is no reason to look', async () => {
    const [a, b] = (await world.rig.submit([0, 0])) as [Cell, Cell];
    world.rig.step(0, world.rig.takeIn(a));
    world.rig.settle();
    await world.idle();
    expect(world.rig.looks).toBe(0);
    await trouble.want(world.database.admin, 0, 't2');
    world.rig.step(0, world.rig.takeIn(b));
    world.rig.settle();
    await world.idle();
    expect(world.rig.looks).toBe(1);
  });

  test('a large batch spaces the next; what wakes it never sends a batch twice', async () => {
    const cells = await world.rig.submit(Array.from({ length: 40 }, () => 0));
    const [first, ...rest] = cells as [Cell, ...Cell[]];
    for (const cell of rest.slice(0, 20)) world.rig.step(0, world.rig.takeIn(cell));
    world.rig.settle();
    await until(() => world.rig.left.length === 1, BOUND_MS);
    // Spaced: a timer is armed. It fires while the next batch is under way.
    for (const cell of rest.slice(20)) world.rig.step(0, world.rig.takeIn(cell));
    world.rig.settle();
    world.rig.step(0, world.rig.takeIn(first));
    await world.idle();
    world.rig.tell({ kind: 'commit-again' });
    world.rig.step(0, [world.rig.event(first)]);
    world.rig.settle();
    world.rig.committer.receive({ kind: 'commit-again' });
    await world.idle();
    await until(() => world.rig.left.length >= 3, BOUND_MS);
    const answers = world.rig.news.filter((news) => news.kind !== 'commit-again');
    expect(answers).toHaveLength(world.rig.left.length);
    expect(await world.journal(0)).toEqual({ events: 41, head: 41 });
    expect(world.rig.dropped).toEqual([]);
  });
});

describe('dropped before it is sent', () => {
  test('what others asked for beside it leaves all the same', async () => {
    const [a] = (await world.rig.submit([0])) as [Cell];
    world.rig.step(0, world.rig.takeIn(a), 'gone');
    world.rig.step(1, [], 'stays');
    expect(world.rig.left).toEqual([]);
    world.rig.committer.drop(0);
    expect(world.rig.left).toEqual(['stays']);
    expect(world.rig.committer.isIdle).toBe(true);
  });

  test('what others asked for beside it waits for what is in flight', async () => {
    const [a, b] = (await world.rig.submit([0, 2])) as [Cell, Cell];
    world.rig.step(2, world.rig.takeIn(b), 'first');
    world.rig.settle();
    world.rig.step(0, world.rig.takeIn(a), 'gone');
    world.rig.step(1, [], 'stays');
    world.rig.committer.drop(0);
    expect(world.rig.left).toEqual([]);
    await world.idle();
    expect(world.rig.left).toEqual(['commit 2', 'first', 'stays']);
  });
});

describe('fenced', () => {
  test('its partition is gone with its effects, the rest commits and then leaves', async () => {
    const cells = (await world.rig.submit([0, 1, 2])) as [Cell, Cell, Cell];
    const epochOf1 = world.rig.owned.get(1)?.epoch;
    await trouble.steal(world.database.admin, 1);
    for (const cell of cells) {
      const { partition } = cell.facts;
      world.rig.step(partition, world.rig.takeIn(cell), `e${partition}`);
    }
    world.rig.settle();
    // Open meanwhile: void as well.
    world.rig.step(1, [world.rig.event(cells[1])], 'later');
    await world.idle();
    expect(world.rig.left).toEqual(['commit 0 2', 'e0', 'e2']);
    const how = { reclaim: false, careful: false };
    expect(world.rig.dropped).toEqual([{ partition: 1, why: 'fenced', ...how }]);
    const refused = { partition: 1, epoch: epochOf1, events: 1, granted: 0, finished: 0 };
    expect(world.rig.fences).toEqual([refused]);
    expect(await world.count('live', 'taken')).toBe(2);
  });

  test('a partition that was claimed anew meanwhile is not dropped by an old answer', async () => {
    const [a, b, c] = (await world.rig.submit([0, 1, 0])) as [Cell, Cell, Cell];
    const epoch = world.rig.owned.get(0)?.epoch;
    const claim = await claimPartition(
      world.rig.commits,
      0,
      world.rig.owned.get(0)?.epoch ?? 0,
      't1',
    );
    world.rig.step(0, world.rig.takeIn(a), 'old');
    world.rig.step(1, world.rig.takeIn(b), 'e1');
    world.rig.settle();
    // As the host does when the claim and its load have come back.
    world.rig.committer.drop(0);
    world.rig.owned.set(0, { epoch: claim?.epoch ?? 0, head: claim?.seq ?? 0 });
    world.rig.step(0, world.rig.takeIn(c), 'new');
    await world.idle();
    expect(world.rig.dropped).toEqual([]);
    expect(world.rig.left).toEqual(['commit 1', 'e1', 'commit 0', 'new']);
    // Nobody has it in memory any more: that it was refused is told all the same.
    const refused = { partition: 0, epoch, events: 1, granted: 0, finished: 0 };
    expect(world.rig.fences).toEqual([refused]);
  });
});

describe('early', () => {
  test('waits for the clock, and sends the same batch again', async () => {
    const [a] = (await world.rig.submit([0])) as [Cell];
    const planned = a.facts.submittedAt + 400;
    world.rig.step(0, [...world.rig.takeIn(a), { kind: 'fired', planned }], 'e');
    world.rig.settle();
    await world.idle();
    const kinds = world.rig.news.map((news) =>
      news.kind === 'commit-answered' ? news.outcome.kind : news.kind,
    );
    expect(kinds[0]).toBe('failed');
    expect(kinds.at(-1)).toBe('committed');
    expect(world.rig.corrections[0]).toBeLessThan(planned);
    expect(world.rig.samples).toHaveLength(1);
    expect(world.rig.samples[0]).toBeGreaterThanOrEqual(planned);
    expect(world.rig.left).toEqual(['commit 0', 'e']);
    expect(world.rig.dropped).toEqual([]);
    expect(await world.journal(0)).toEqual({ events: 1, head: 1 });
  });

  test('what is far ahead is taken anew by the right clock; the others go on', async () => {
    const [a, b] = (await world.rig.submit([0, 1])) as [Cell, Cell];
    // As when the database's clock was set back by an hour after it had been heard.
    const planned = a.facts.submittedAt + 3_600_000;
    world.rig.step(0, [...world.rig.takeIn(a), { kind: 'fired', planned }], 'e0');
    world.rig.step(1, world.rig.takeIn(b), 'e1');
    world.rig.settle();
    await world.idle();
    const how = { reclaim: true, careful: false };
    expect(world.rig.dropped).toEqual([{ partition: 0, why: 'fired too early', ...how }]);
    expect(world.rig.left).toEqual(['commit 1', 'e1']);
    expect(world.rig.corrections).toHaveLength(1);
  });

  test('one that is far ahead holds up nobody when the partitions go one by one', async () => {
    const [a, , c] = (await world.rig.submit([0, 1, 2])) as [Cell, Cell, Cell];
    const planned = a.facts.submittedAt + 3_600_000;
    world.rig.step(0, world.rig.takeIn(a), 'e0');
    // Never sent: the server is not asked whether anything of the whole is early.
    world.rig.step(1, [{ kind: 'consume', inbox: 'no id at all' }], 'e1');
    world.rig.step(2, [...world.rig.takeIn(c), { kind: 'fired', planned }], 'e2');
    world.rig.settle();
    await world.idle();
    expect(world.rig.left).toEqual(['commit 0', 'e0']);
    expect(world.rig.dropped.map(({ partition }) => partition)).toEqual([1, 2]);
  });

  test('what was planned by a partition that is gone holds up nobody', async () => {
    const [a, b] = (await world.rig.submit([0, 1])) as [Cell, Cell];
    const planned = a.facts.submittedAt + 900;
    world.rig.step(0, [...world.rig.takeIn(a), { kind: 'fired', planned }]);
    world.rig.step(1, world.rig.takeIn(b), 'e1');
    world.rig.settle();
    await until(() => world.rig.news.length > 0, BOUND_MS);
    world.rig.committer.drop(0);
    await world.idle();
    expect(world.rig.left).toEqual(['commit 1', 'e1']);
  });
});

describe('gone', () => {
  test('only the partitions of those rows are taken anew, the others commit', async () => {
    const [a, b] = (await world.rig.submit([0, 1])) as [Cell, Cell];
    world.rig.step(0, world.rig.takeIn(a), 'first');
    world.rig.settle();
    await world.idle();
    world.rig.step(0, world.rig.takeIn(a), 'repeat');
    world.rig.step(1, world.rig.takeIn(b), 'e1');
    world.rig.settle();
    await world.idle();
    const how = { reclaim: true, careful: false };
    expect(world.rig.dropped).toEqual([{ partition: 0, why: 'inbox rows gone', ...how }]);
    expect(world.rig.left).toEqual(['commit 0', 'first', 'commit 1', 'e1']);
    expect(await world.journal(0)).toEqual({ events: 1, head: 1 });
  });

  test('rows whose names come back in other words end as well', async () => {
    // No such row; PostgreSQL names it in small letters.
    world.rig.step(0, [{ kind: 'consume', inbox: randomUUID().toUpperCase() }], 'e');
    world.rig.settle();
    await world.idle();
    expect(world.rig.dropped.map((each) => each.partition)).toEqual([0]);
    expect(world.rig.left).toEqual(['commit']);
  });
});
