import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { restoreLedger, snapshotLedger } from './restore.js';
import type { LedgerState } from './state.js';
import { OPTIONS, World } from './testkit/world.js';

/** What happens often in life happens often here. */
const OPS = [0, 0, 0, 0, 0, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 6, 6, 6, 7, 8, 9, 10];

const draws = fc.array(
  fc.record({ op: fc.constantFrom(...OPS), a: fc.nat({ max: 1_000 }), b: fc.nat({ max: 1_000 }) }),
  { minLength: 60, maxLength: 250 },
);

describe('the ledger under repeats, reorderings, losses and crashes', () => {
  it('keeps L1 to L5, and L9', () => {
    fc.assert(
      fc.property(draws, (drawn) => {
        const world = new World();
        for (const draw of drawn) {
          world.apply(draw);
          world.check();
        }
        world.crash();
        world.drain();
        world.check();
      }),
      { numRuns: 600 },
    );
  });

  it('starts, ends and crashes often enough for that to mean something', () => {
    let starts = 0;
    let refused = 0;
    let cutOff = 0;
    const sample = fc.sample(draws, { numRuns: 200, seed: 7 });
    for (const drawn of sample) {
      const world = new World();
      for (const draw of drawn) world.apply(draw);
      starts += world.started.size;
      cutOff += [...world.stopped.values()].filter((as) => as === 'LOST').length;
      refused += [...world.ended].filter((key) => !world.started.has(key)).length;
    }
    expect(starts).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(500);
    expect(cutOff).toBeGreaterThan(50);
  });

  it('a snapshot at any moment stands for all records before it', () => {
    fc.assert(
      fc.property(draws, (drawn) => {
        const world = new World();
        for (const draw of drawn) world.apply(draw);
        world.drain();
        const byRecords = restoreLedger(OPTIONS, world.disk);
        const bySnapshot = restoreLedger(OPTIONS, snapshotLedger(world.state));
        expect(shapeOf(bySnapshot)).toEqual(shapeOf(byRecords));
      }),
      { numRuns: 200 },
    );
  });
});

/** What decides; a heard floor may be ahead of the one on disk. */
function shapeOf(state: LedgerState): unknown {
  const touched = [...state.partitions.values()].filter(({ watermark }) => watermark.epoch > 0);
  return touched.map(({ watermark, promise, entries }) => ({
    watermark,
    promise,
    entries: [...entries]
      .map(([key, { phase, report }]) => `${key} ${phase} ${report?.of}`)
      .toSorted(),
  }));
}
