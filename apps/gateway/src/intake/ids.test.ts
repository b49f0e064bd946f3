import { describe, expect, it } from 'vitest';
import { Ids } from './ids.js';

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('Ids', () => {
  it('are uuids of version 7 that only grow, also when the clock stands or steps back', () => {
    const clock = [1_000, 1_000, 2_000, 1_500, 1_500, 2_001];
    let at = 0;
    const ids = new Ids(() => clock[Math.min(at++, clock.length - 1)] ?? 0);
    const made = Array.from({ length: 20_000 }, () => ids.next());
    for (const id of made.slice(0, 10)) expect(id).toMatch(SHAPE);
    expect(made).toEqual(made.toSorted());
    expect(new Set(made).size).toBe(made.length);
  });

  it('begin with the time', () => {
    expect(new Ids(() => 0x0123456789ab).next().startsWith('01234567-89ab-7')).toBe(true);
  });
});
