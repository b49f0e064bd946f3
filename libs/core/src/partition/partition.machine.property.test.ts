import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFinal } from '../run/run.js';
import { Rig } from './rig/rig.js';
import { OPS, type Op, World } from './rig/world.js';
import { LIMITS } from './state.js';

const played = (...of: readonly Op['op'][]): fc.Arbitrary<Op[]> =>
  fc.array(fc.record({ op: fc.constantFrom(...of), pick: fc.nat(40) }), {
    minLength: 5,
    maxLength: 120,
  });
const ops = played(...OPS);
const WIRE = ['deliver', 'repeat', 'commit', 'crash', 'silent', 'digest', 'tick', 'fail'] as const;

describe('whatever is repeated, reordered, lost or crashed', () => {
  // P1, P3, P4 and P7 are checked by the rig at every commit.
  test('a token starts at most once, and after calm every run is final (P1, P2, P3)', () => {
    fc.assert(
      fc.property(ops, (play) => {
        const world = new World();
        for (const op of play) world.play(op);
        world.calm();
        for (const executor of world.executors) {
          for (const count of executor.starts.values()) expect(count).toBe(1);
        }
        expect(world.unfinished()).toBe(0);
        for (const cell of world.rig.history.values()) expect(isFinal(cell.state)).toBe(true);
        expect(world.rig.state.open.size).toBe(0);
        expect(world.rig.state.cells.size).toBe(0);
        expect(world.rig.state.byExecutor.size).toBe(0);
        // P5, all the time and by the machine's own account.
        expect(world.rig.sentOf('unexplained')).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  test('what is wanted of an attempt, to stand still or not, is so at last (1.7)', () => {
    fc.assert(
      fc.property(played('freeze', 'freeze', ...WIRE), (play) => {
        const world = new World();
        world.begin(3);
        for (const op of play) world.play(op);
        expect(world.disagreements()).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('the same messages give the same journal: nothing is drawn, nothing is timed', () => {
    fc.assert(
      fc.property(ops, (play) => {
        const [a, b] = [new World(), new World()];
        for (const op of play) for (const world of [a, b]) world.play(op);
        for (const world of [a, b]) world.rig.commit();
        expect(a.rig.journal).toEqual(b.rig.journal);
      }),
      { numRuns: 50 },
    );
  });
});

describe('memory is bounded by windows (P5, P6)', () => {
  test('many more waiting runs than a window: all are granted, in order of rank', () => {
    const rig = new Rig();
    const total = LIMITS.window * 4;
    for (let i = 0; i < total; i++) {
      rig.now++;
      rig.submit(`r${String(i).padStart(5, '0')}`);
      if (i % 50 === 0) rig.commit();
    }
    rig.commit();
    expect(rig.state.cells.size).toBeLessThanOrEqual(LIMITS.window);
    const order: string[] = [];
    while (order.length < total) {
      const waiting = [...rig.state.cells.values()]
        .filter((cell) => cell.state === 'READY')
        .sort((a, b) => a.rank - b.rank);
      const next = waiting[0];
      if (next === undefined) break;
      order.push(next.facts.id);
      rig.match(next.facts.id);
      rig.result(rig.tokenOf(next.facts.id));
      rig.commit();
    }
    expect(order).toHaveLength(total);
    expect(order).toEqual([...order].sort());
  });

  test('with crashes in between, none is forgotten', () => {
    const rig = new Rig();
    const total = LIMITS.window * 3;
    for (let i = 0; i < total; i++) rig.submit(`r${i}`, { due: i % 3 === 0 ? rig.now + i : null });
    rig.commit();
    let ended = 0;
    for (let round = 0; rig.rows.size > 0 && round < total * 3; round++) {
      rig.tick(50);
      const next = [...rig.state.cells.values()].find((cell) => cell.state === 'READY');
      if (next !== undefined) {
        rig.match(next.facts.id);
        rig.result(rig.tokenOf(next.facts.id));
        ended++;
      }
      rig.commit();
      if (round % 97 === 0) rig.crash();
    }
    expect(rig.rows.size).toBe(0);
    expect(ended).toBe(total);
  });
});
