import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { poolMachine } from './pool.machine.js';
import { type Match, type PoolMessage, type PoolState, emptyPool } from './state.js';

function play(state: PoolState, messages: readonly PoolMessage[], now = 0): Match[] {
  const matches: Match[] = [];
  for (const message of messages) poolMachine.step(state, message, now, (m) => matches.push(m));
  return matches;
}

const seat = (executor: string, slots: number, capabilities = ['shell']): PoolMessage => ({
  kind: 'seat',
  executor,
  incarnation: 1,
  slots,
  capabilities,
});
const offer = (run: string, rank: number, need = 'shell', avoid: string[] = []): PoolMessage => ({
  kind: 'offer',
  run,
  partition: 1,
  rank,
  need,
  avoid,
});
const match: PoolMessage = { kind: 'match' };

describe('matching', () => {
  test('the lowest rank leaves first, then the id (Q2)', () => {
    const state = emptyPool('default');
    const matches = play(state, [offer('c', 2), offer('b', 1), offer('a', 1), seat('x', 2), match]);
    expect(matches.map((m) => m.run)).toEqual(['a', 'b']);
  });

  test('what was offered and withdrawn is forgotten, though nobody serves it', () => {
    const state = emptyPool('default');
    for (let i = 0; i < 1_000; i++) {
      const run = `g${i}`;
      play(state, [offer(run, i, 'function:gpu'), { kind: 'withdraw', run }]);
    }
    play(state, [offer('stays', 1, 'function:gpu'), { kind: 'tick' }]);
    expect(state.needs.get('function:gpu')?.queue.size).toBe(1);
    const matches = play(state, [seat('x', 1, ['function:gpu']), match]);
    expect(matches.map((m) => m.run)).toEqual(['stays']);
  });

  test('runs that nobody can serve delay no other (Q3)', () => {
    const state = emptyPool('default');
    const waiting = Array.from({ length: 1_000 }, (_, i) => offer(`g${i}`, i, 'function:gpu'));
    const matches = play(state, [...waiting, offer('z', 99_999), seat('x', 1), match]);
    expect(matches.map((m) => m.run)).toEqual(['z']);
  });

  test('a run that avoids the only free executor does not block those behind it', () => {
    const state = emptyPool('default');
    const matches = play(state, [
      offer('a', 1, 'shell', ['x']),
      offer('b', 2),
      seat('x', 2),
      match,
    ]);
    expect(matches.map((m) => m.run)).toEqual(['b']);
    expect(play(state, [seat('y', 1), match]).map((m) => [m.run, m.executor])).toEqual([
      ['a', 'y'],
    ]);
  });

  test('slots are never exceeded, and free ones are taken in turn (Q1)', () => {
    const state = emptyPool('default');
    const offers = Array.from({ length: 10 }, (_, i) => offer(`r${i}`, i));
    const matches = play(state, [seat('x', 2), seat('y', 2), ...offers, match]);
    expect(matches.map((m) => m.executor).sort()).toEqual(['x', 'x', 'y', 'y']);
    expect(play(state, [{ kind: 'freed', run: 'r0', executor: 'x' }, match])).toHaveLength(1);
  });

  test('a match whose partition has another owner is none: its run may be matched at once', () => {
    const state = emptyPool('default');
    play(state, [seat('x', 2), offer('a', 1), match]);
    play(state, [{ kind: 'moved', partition: 2 }]);
    expect(play(state, [offer('a', 1), match])).toEqual([]);
    play(state, [{ kind: 'moved', partition: 1 }]);
    expect(play(state, [offer('a', 1), match])).toHaveLength(1);
  });

  test('an unanswered match lapses after a second; its run is matched when restated (Q4)', () => {
    const state = emptyPool('default');
    play(state, [seat('x', 1), offer('a', 1), match]);
    expect(play(state, [offer('a', 1), match], 999)).toEqual([]);
    play(state, [{ kind: 'tick' }], 1_000);
    expect(play(state, [offer('a', 1), match], 1_000)).toHaveLength(1);
  });

  test('an executor that bounced is left alone for a moment', () => {
    const state = emptyPool('default');
    play(state, [seat('x', 1), offer('a', 1), match, { kind: 'granted', run: 'a', executor: 'x' }]);
    play(state, [{ kind: 'bounced', run: 'a', executor: 'x' }], 100);
    expect(play(state, [offer('a', 1), match], 200)).toEqual([]);
    expect(play(state, [match], 700)).toHaveLength(1);
  });

  test('what its partition no longer restates is forgotten', () => {
    const state = emptyPool('default');
    play(state, [offer('a', 1)]);
    play(state, [{ kind: 'tick' }], 10_001);
    expect(play(state, [seat('x', 1), match], 10_001)).toEqual([]);
  });
});

describe('a beat is the truth about slots', () => {
  const held = (): PoolState => {
    const state = emptyPool('default');
    play(state, [seat('x', 2), offer('a', 1), offer('b', 2), match]);
    play(state, [
      { kind: 'granted', run: 'a', executor: 'x' },
      { kind: 'granted', run: 'b', executor: 'x' },
    ]);
    return state;
  };

  test('what ended unheard frees its slot', () => {
    const state = held();
    play(state, [{ kind: 'beat', executor: 'x', slots: 2, busy: 0 }], 5_000);
    expect(play(state, [offer('c', 3), offer('d', 4), match], 5_000)).toHaveLength(2);
  });

  test('matches that the beat cannot know yet still count', () => {
    const state = held();
    play(state, [{ kind: 'beat', executor: 'x', slots: 2, busy: 0 }], 100);
    expect(play(state, [offer('c', 3), match], 100)).toEqual([]);
  });

  test('what it holds for others counts too', () => {
    const state = emptyPool('default');
    play(state, [seat('x', 2), { kind: 'beat', executor: 'x', slots: 2, busy: 2 }], 0);
    expect(play(state, [offer('a', 1), match])).toEqual([]);
  });
});

test('whatever is said in whatever order, no match takes a slot that is not free (Q1)', () => {
  const names = fc.constantFrom('x', 'y');
  const run = fc.integer({ min: 0, max: 8 }).map((n) => `r${n}`);
  const message: fc.Arbitrary<PoolMessage> = fc.oneof(
    fc.tuple(run, fc.nat(5)).map(([r, rank]) => offer(r, rank)),
    names.map((x) => seat(x, 2)),
    fc.record({ kind: fc.constant('unseat' as const), executor: names }),
    fc.record({ kind: fc.constantFrom('granted', 'declined', 'freed'), run, executor: names }),
    fc.constant({ kind: 'tick' } as const),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
      const state = emptyPool('default');
      messages.forEach((m, i) => {
        play(state, [m], i * 100);
        const before = new Map([...state.seats].map(([id, s]) => [id, s.held.size]));
        for (const made of play(state, [match], i * 100)) {
          const held = before.get(made.executor) ?? 0;
          expect(held).toBeLessThan(state.seats.get(made.executor)?.slots ?? 0);
          before.set(made.executor, held + 1);
        }
      });
    }),
  );
});
