import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pump } from './pump.js';
import { Ref } from './refs.js';
import type { Admit } from './refs.js';

/** A target with so much room, made by hand. */
function target() {
  const got: number[] = [];
  const waiters: (() => void)[] = [];
  let room = 0;
  let gone = false;
  const tell = (n: number): Admit => {
    if (gone) return 'gone';
    if (room === 0) return 'full';
    room -= 1;
    got.push(n);
    return 'accepted';
  };
  const wake = () => {
    for (const run of waiters.splice(0)) run();
  };
  const ref = new Ref({ node: '', thread: 0, path: 't', incarnation: 1 }, tell, (run) => {
    waiters.push(run);
    return () => waiters.splice(waiters.indexOf(run), 1);
  });
  return {
    ref,
    got,
    give: (more: number) => {
      room += more;
      wake();
    },
    end: () => {
      gone = true;
      wake();
    },
  };
}

describe('a pump', () => {
  it('delivers in order, says how many, and gives back what had no taker', () => {
    const script = fc.array(
      fc.oneof(fc.record({ offer: fc.nat(20) }), fc.record({ give: fc.nat(20) })),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(script, (steps) => {
        const { ref, got, give, end } = target();
        let delivered = 0;
        const undelivered: number[] = [];
        const pump = new Pump(ref, {
          delivered: (count) => (delivered += count),
          gone: (rest) => undelivered.push(...rest),
        });
        let offered = 0;
        for (const step of steps) {
          if ('give' in step) give(step.give);
          else pump.offer(Array.from({ length: step.offer }, () => offered++));
          expect(delivered).toBe(got.length);
        }
        end();
        pump.offer([offered++]);
        expect([...got, ...undelivered]).toEqual(Array.from({ length: offered }, (_, n) => n));
      }),
    );
  });
});
