import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '#actor';
import { KeyLimits } from './key-limits.js';

function make(rate: number, subscriptionsMax = 2): { limits: KeyLimits; clock: ManualClock } {
  const clock = new ManualClock();
  return { clock, limits: new KeyLimits({ rate, subscriptionsMax, clock }) };
}
/** How many of these the key gets in, one after the other. */
function taken(limits: KeyLimits, tries: number, key = 'a'): number {
  return Array.from({ length: tries }, () => limits.take(key)).filter((e) => e === undefined)
    .length;
}

describe('operations of a key', () => {
  it("come a second's worth at once, then as they are refilled", () => {
    const { limits, clock } = make(10);
    expect(taken(limits, 25)).toBe(10);
    clock.advance(99);
    expect(taken(limits, 5)).toBe(0);
    clock.advance(1);
    expect(taken(limits, 5)).toBe(1);
    clock.advance(60_000);
    expect(taken(limits, 25)).toBe(10);
  });

  it('are never more than the rate and the first second hold', () => {
    const { limits, clock } = make(10);
    let all = 0;
    for (let step = 0; step < 300; step++) {
      all += taken(limits, 3);
      clock.advance(10);
    }
    expect(all).toBe(10 + 29);
  });

  it('are refused with the time until the next one', () => {
    const { limits, clock } = make(10);
    taken(limits, 10);
    const extensions = { code: 'RATE_LIMITED', retryAfter: '100ms' };
    expect(limits.take('a')?.extensions).toEqual(extensions);
    clock.advance(70);
    expect(limits.take('a')?.extensions).toEqual({ ...extensions, retryAfter: '30ms' });
    clock.advance(30);
    expect(limits.take('a')).toBeUndefined();
  });

  it('that cost more are let in, and paid for by who comes after', () => {
    const { limits, clock } = make(10);
    expect(limits.take('a')).toBeUndefined();
    limits.owe('a', 49);
    expect(limits.take('a')?.extensions['retryAfter']).toBe('4s100ms');
    clock.advance(4_100);
    expect(taken(limits, 2)).toBe(1);
  });

  it('cost no other key anything, however many there are', () => {
    const { limits } = make(10);
    taken(limits, 10);
    for (let i = 0; i < 5_000; i++) expect(taken(limits, 1, `k${i}`)).toBe(1);
    expect(taken(limits, 1)).toBe(0);
  });

  it('have no limit at 0', () => {
    const { limits } = make(0);
    limits.owe('a', 1_000);
    expect(taken(limits, 1_000)).toBe(1_000);
  });
});

describe('subscriptions of a key', () => {
  it('are bounded, and each place is given back once', () => {
    const { limits } = make(0, 2);
    const ends = [limits.follow('a'), limits.follow('a')];
    const refused = limits.follow('a');
    expect(refused instanceof GraphQLError && refused.extensions).toEqual({
      code: 'COMPLEXITY_EXCEEDED',
      limit: 'subscriptions',
      max: 2,
    });
    expect(limits.follow('b')).toBeTypeOf('function');
    const [end] = ends;
    if (typeof end !== 'function') throw new Error('it was refused');
    end();
    end();
    expect(limits.follow('a')).toBeTypeOf('function');
    expect(limits.follow('a')).toBeInstanceOf(GraphQLError);
  });
});
