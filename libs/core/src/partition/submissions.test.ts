import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

describe('taking in', () => {
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
