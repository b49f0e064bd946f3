import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARKING_WINDOW_MS, cells } from './cells.js';
import type { CellEffect, CellMessage, CellPolicy } from './cells.js';
import type { Machine } from './machine.js';

type State = { got: number[] };
type Effect = CellEffect<string, number, string>;

/** Counts; a negative number emits, changes the state, and then fails. */
const inner: Machine<State, number, string> = {
  initial: () => ({ got: [] }),
  step(state, message, _now, emit) {
    emit(`got ${message}`);
    state.got.push(message);
    if (message < 0) throw new Error(`bad ${message}`);
    return state;
  },
};

function host(over: Partial<CellPolicy<State>> = {}) {
  const machine = cells(inner, {
    capacity: 100,
    waiting: 100,
    idle: () => false,
    backoff: { firstMs: 100, maxMs: 1_000 },
    ...over,
  });
  let all = machine.initial();
  let now = 0;
  const effects: Effect[] = [];
  const step = (message: CellMessage<string, State, number>): readonly Effect[] => {
    const before = effects.length;
    all = machine.step(all, message, now, (effect) => effects.push(effect));
    return effects.slice(before);
  };
  return {
    step,
    effects,
    tell: (key: string, message: number) => step({ kind: 'cell', key, message }),
    wait: (ms: number) => {
      now += ms;
    },
    /** Answers the newest load of the cell. */
    load: (key: string, state?: State) => {
      const wanted = effects.findLast((e) => e.kind === 'load' && e.key === key);
      if (wanted?.kind !== 'load') throw new Error(`${key} asked for no load`);
      return step({
        kind: 'loaded',
        key,
        load: wanted.load,
        ...(state === undefined ? {} : { state }),
      });
    },
    keys: () => [...all.cells.keys()],
    got: (key: string) => {
      const cell = all.cells.get(key);
      return cell?.kind === 'live' ? cell.state.got : cell?.kind;
    },
  };
}

describe('cells', () => {
  it('load on the first message, which waits with those after it', () => {
    const { tell, load, got } = host();
    expect(tell('a', 1)).toEqual([{ kind: 'load', key: 'a', load: 1, delayMs: 0 }]);
    expect(tell('a', 2)).toEqual([]);
    expect(load('a', { got: [0] })).toEqual([
      { kind: 'cell', key: 'a', effect: 'got 1' },
      { kind: 'cell', key: 'a', effect: 'got 2' },
    ]);
    expect(got('a')).toEqual([0, 1, 2]);
  });

  it('invariants 1, 2: a failure resets one cell from its row; siblings notice nothing', () => {
    const { tell, load, got } = host();
    for (const key of ['a', 'b']) {
      tell(key, 1);
      load(key);
    }
    expect(tell('a', -1)).toEqual([{ kind: 'load', key: 'a', load: 3, delayMs: 100 }]);
    tell('a', 2);
    tell('b', 2);
    expect(got('b')).toEqual([1, 2]);
    load('a', { got: [1] });
    expect(got('a')).toEqual([1, 2]);
  });

  it('invariant 2: those that waited with the failing one keep their order', () => {
    const { tell, load, got } = host();
    for (const n of [1, -1, 2, 3]) tell('a', n);
    load('a');
    expect(got('a')).toBe('loading');
    tell('a', 4);
    load('a', { got: [] });
    expect(got('a')).toEqual([2, 3, 4]);
  });

  it('park at the third failure within a minute, with back-off before', () => {
    const { tell, load, got, step } = host();
    tell('a', -1);
    expect(load('a')).toMatchObject([{ kind: 'load', delayMs: 100 }]);
    load('a');
    expect(tell('a', -2)).toMatchObject([{ kind: 'load', delayMs: 200 }]);
    for (const n of [-3, 5]) tell('a', n);
    expect(load('a')).toMatchObject([
      { kind: 'parked', key: 'a', error: new Error('bad -3') },
      { kind: 'refused', key: 'a', message: 5, why: 'parked' },
    ]);
    expect(tell('a', 6)).toEqual([{ kind: 'refused', key: 'a', message: 6, why: 'parked' }]);
    expect(step({ kind: 'resume', key: 'a' })).toMatchObject([{ kind: 'load', delayMs: 0 }]);
    load('a');
    tell('a', 7);
    expect(got('a')).toEqual([7]);
  });

  it('do not park for failures that are further apart', () => {
    const { tell, load, wait, got } = host();
    tell('a', 1);
    load('a');
    for (let n = 0; n < 5; n++) {
      wait(PARKING_WINDOW_MS / 2);
      tell('a', -1);
      load('a');
    }
    expect(got('a')).toEqual([]);
  });

  it('count a failed load like any failure', () => {
    const { tell, step, effects, got } = host();
    tell('a', 1);
    for (let n = 0; n < 3; n++) {
      const load = effects.filter((e) => e.kind === 'load').length;
      step({ kind: 'load-failed', key: 'a', load, error: 'no database' });
    }
    expect(got('a')).toBe('parked');
  });

  it('invariant 4: ignore the answer to an earlier load', () => {
    const { tell, load, step, got } = host();
    tell('a', 1);
    load('a');
    tell('a', -1);
    step({ kind: 'loaded', key: 'a', load: 1, state: { got: [99] } });
    expect(got('a')).toBe('loading');
    load('a', { got: [1] });
    step({ kind: 'loaded', key: 'a', load: 2, state: { got: [99] } });
    expect(got('a')).toEqual([1]);
  });

  it('invariants 3, 5: idle ones make room, longest idle first; else it is refused', () => {
    const { tell, load, keys } = host({ capacity: 2, idle: ({ got }) => got.at(-1) === 0 });
    for (const key of ['a', 'b']) {
      tell(key, 0);
      load(key);
    }
    tell('a', 0);
    tell('c', 1);
    expect(keys()).toEqual(['a', 'c']);
    load('c');
    tell('a', 1);
    expect(tell('d', 1)).toEqual([{ kind: 'refused', key: 'd', message: 1, why: 'full' }]);
    expect(keys()).toEqual(['a', 'c']);
  });

  it('invariant 3: what waits for a load is bounded, and comes back with a drop', () => {
    const { tell, step, keys } = host({ waiting: 2 });
    for (const n of [1, 2]) tell('a', n);
    expect(tell('a', 3)).toMatchObject([{ kind: 'refused', message: 3, why: 'full' }]);
    expect(step({ kind: 'drop', key: 'a' })).toMatchObject([
      { message: 1, why: 'dropped' },
      { message: 2, why: 'dropped' },
    ]);
    expect(keys()).toEqual([]);
  });

  it('handle, refuse or fail each message exactly once, under any script', () => {
    const told = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c', 'd'),
        n: fc.integer({ min: -2, max: 9 }),
        load: fc.boolean(),
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(told, fc.integer({ min: 1, max: 4 }), (script, capacity) => {
        const { tell, load, effects, got, keys } = host({ capacity, waiting: 5, idle: () => true });
        for (const { key, n, load: answer } of script) {
          tell(key, n);
          if (answer && got(key) === 'loading') load(key);
        }
        for (let n = 0; n < 3; n++) {
          for (const key of keys()) if (got(key) === 'loading') load(key);
        }
        const handled = effects.flatMap((e) =>
          e.kind === 'cell' ? [Number(e.effect.slice(4))] : e.kind === 'refused' ? [e.message] : [],
        );
        const good = script.map(({ n }) => n).filter((n) => n >= 0);
        expect(sorted(handled.filter((n) => n >= 0))).toEqual(sorted(good));
      }),
    );
  });
});

function sorted(numbers: readonly number[]): readonly number[] {
  return numbers.toSorted((a, b) => a - b);
}
