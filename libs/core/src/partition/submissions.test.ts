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
