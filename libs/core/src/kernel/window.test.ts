import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Heap } from './heap.js';
import { Window, compareRanked } from './window.js';

const item = fc.record({ rank: fc.nat(30), id: fc.constantFrom('a', 'b', 'c', 'd') });

describe('a window is the head of a queue', () => {
  test('it holds the lowest, sorted; what it does not hold ranks behind its last', () => {
    fc.assert(
      fc.property(fc.array(item), fc.integer({ min: 1, max: 6 }), (items, capacity) => {
        const window = new Window(capacity);
        const out: { rank: number; id: string }[] = [];
        const unique = [...new Map(items.map((i) => [`${i.rank}/${i.id}`, i])).values()];
        for (const one of unique) {
          const pushed = window.insert(one);
          if (pushed !== undefined) out.push(pushed);
        }
        const held = [...window];
        expect(held).toEqual([...held].sort(compareRanked));
        expect(held.length + out.length).toBe(unique.length);
        expect(held.length).toBeLessThanOrEqual(capacity);
        const last = window.last();
        if (last !== undefined)
          for (const one of out) expect(compareRanked(one, last)).toBeGreaterThan(0);
        expect(window.complete).toBe(out.length === 0);
      }),
    );
  });

  test('shifts and removals keep the order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(item, fc.nat(3))), (plays) => {
        const window = new Window<{ rank: number; id: string }>(1_000);
        const model: { rank: number; id: string }[] = [];
        for (const [one, act] of plays) {
          const at = model.findIndex((m) => compareRanked(m, one) === 0);
          if (act === 0) {
            expect(window.shift()).toEqual(model.shift());
          } else if (act === 1) {
            expect(window.remove(one)).toBe(at >= 0);
            if (at >= 0) model.splice(at, 1);
          } else if (at < 0) {
            window.insert(one);
            model.push(one);
            model.sort(compareRanked);
          }
          expect([...window]).toEqual(model);
        }
      }),
    );
  });
});

test('a heap gives its items in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new Heap<number>((a, b) => a < b);
      for (const n of numbers) heap.push(n);
      const out: number[] = [];
      for (let n = heap.pop(); n !== undefined; n = heap.pop()) out.push(n);
      expect(out).toEqual([...numbers].sort((a, b) => a - b));
      expect(heap.size).toBe(0);
    }),
  );
});
