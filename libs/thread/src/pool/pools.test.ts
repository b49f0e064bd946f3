import { expect, test } from 'vitest';
import type { Cell, Match } from '#core';
import type { Soft } from '#protocol';
import { Pools } from './pools.js';

const NOW = 1_000_000;

/** One thread of two: the pool's home is the other's. */
function elsewhere(): { readonly pools: Pools; readonly sent: Soft[] } {
  const sent: Soft[] = [];
  const pools = new Pools({
    partitions: 1,
    owns: () => false,
    ownerOf: () => 't2',
    toThread: (_thread, item) => void sent.push(item),
    matched: () => undefined,
    members: () => [],
  });
  return { pools, sent };
}

function home(matched: Match[]): Pools {
  const member = {
    executor: 'x1',
    pool: 'default',
    online: true,
    incarnation: 1,
    slots: 1,
    draining: false,
    capabilities: ['shell'],
  };
  return new Pools({
    partitions: 1,
    owns: () => true,
    ownerOf: () => undefined,
    toThread: () => undefined,
    matched: (match) => void matched.push(match),
    members: () => [member as never],
  });
}

const cellThat = (until: number): Cell =>
  ({
    facts: { id: 'r1', pool: 'default', need: 'shell' },
    rank: 1,
    record: { bounces: { x1: [3, until] } },
  }) as unknown as Cell;

/** Offered from one thread to the pool of another, as the wire carries it. */
function offerOver(there: Pools, until: number, now: number): void {
  const { pools, sent } = elsewhere();
  pools.tell(0, { kind: 'offer', cell: cellThat(until) }, now);
  for (const item of sent) there.receive(item as Extract<Soft, { kind: 'offer' }>, now);
  there.match(now);
}

test('an executor that bounced a run is avoided for its time, and not for ever', () => {
  const matched: Match[] = [];
  const there = home(matched);
  offerOver(there, NOW + 300_000, NOW);
  expect(matched).toEqual([]);
  offerOver(there, NOW + 300_000, NOW + 300_001);
  expect(matched.map(({ run, executor }) => [run, executor])).toEqual([['r1', 'x1']]);
});

test('a run that its partition does not know yet is matched anew as soon as it is offered', () => {
  const matched: Match[] = [];
  const there = home(matched);
  // By its former owner, and by its new one once that has taken it in.
  offerOver(there, 0, NOW);
  const [match] = matched as [Match];
  const { pools, sent } = elsewhere();
  const { pool, run, executor } = match;
  pools.tell(0, { kind: 'declined', pool, run, executor }, NOW);
  for (const item of sent) there.receive(item as Extract<Soft, { kind: 'declined' }>, NOW);
  offerOver(there, 0, NOW);
  expect(matched.map((each) => each.run)).toEqual(['r1', 'r1']);
});
