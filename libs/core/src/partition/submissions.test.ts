import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

describe('taking in', () => {
  // A row has its rank as an integer: by it what a new owner loads is in the same order.
  test.each([
    ['ready', null, 1_000_000],
    ['due later', 1_500_000.2, 1_500_001],
  ])('a run that is %s has a rank of whole milliseconds, and is never early', (_, due, rank) => {
    const rig = new Rig();
    rig.now = 1_000_000.4;
    rig.submit('r', { due, priority: 1 });
    rig.commit();
    expect(rig.cell('r').rank).toBe(rank);
  });

  test('a run without a due time is ready, although the database is ahead of our clock', () => {
    const rig = new Rig();
    rig.submit('r', { submittedAt: rig.now + 3_600_000 });
    rig.commit();
    expect(rig.cell('r').state).toBe('READY');
    expect(rig.types('r')).toEqual(['SUBMITTED']);
  });
});

// The match may have come before the run: a new owner has not taken it in yet.
test('a match of a run that is not here is declined to the pool that made it', () => {
  const rig = new Rig();
  rig.match('unheard-of', 'x1');
  expect(rig.soft).toEqual([
    { kind: 'declined', pool: 'default', run: 'unheard-of', executor: 'x1' },
  ]);
});
