import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testOptions, testWorld } from './testkit/options.js';
import { puppet, stage } from './testkit/puppet.js';
import type { Told } from './testkit/puppet.js';

describe('timers', () => {
  it('deliver once, after their delay', () => {
    const { run, advance, log } = stage();
    run((context) => context.timer('k', 50, 'rang'));
    advance(49);
    expect(log).toEqual([]);
    advance(1);
    advance(1_000);
    expect(log).toEqual(['1:rang']);
  });

  it('are replaced by key and cancelled, also when they have fired and wait to be taken', () => {
    const { clock, dispatcher, ref, run, advance, log } = stage();
    run((context) => context.timer('k', 50, 'old'));
    ref.tell({ run: (context) => context.timer('k', 50, 'new') });
    clock.advance(50);
    dispatcher.run();
    expect(log).toEqual([]);
    run((context) => context.timer('k', 50, 'new'));
    expect(clock.pending).toBe(1);
    advance(50);
    expect(log).toEqual(['1:new']);
    run((context) => context.timer('k', 50, 'late'));
    ref.tell({ run: (context) => context.cancel('k') });
    clock.advance(50);
    dispatcher.run();
    advance(1_000);
    expect(log).toEqual(['1:new']);
  });

  it('of an earlier incarnation never deliver', () => {
    const { clock, dispatcher, ref, run, advance, crash, log } = stage();
    run((context) => context.timer('far', 500, 'far'));
    crash();
    expect(clock.pending).toBe(0);
    // Fired, waiting behind the message that fails.
    run((context) => context.timer('near', 5, 'near'));
    ref.tell({
      run: () => {
        throw new Error('crash');
      },
    });
    clock.advance(5);
    dispatcher.run();
    advance(1_000);
    expect(log).toEqual([]);
  });

  it('behave like a map of keys under any script', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('arm' as const),
        key: fc.nat(2),
        ms: fc.integer({ max: 40, min: 1 }),
      }),
      fc.record({ do: fc.constant('cancel' as const), key: fc.nat(2), ms: fc.constant(0) }),
      fc.record({ do: fc.constant('wait' as const), key: fc.constant(0), ms: fc.nat(40) }),
      fc.record({ do: fc.constant('crash' as const), key: fc.constant(0), ms: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(100), (script, seed) => {
        const world = testWorld(seed);
        const log: string[] = [];
        const supervision = { intensity: { restarts: 1_000, within: 1 } };
        const options = testOptions<Told, number>('p', { supervision });
        const ref = world.system.spawn(puppet(log), undefined, options);
        const armed = new Map<number, { at: number; text: string }>();
        const expected: string[] = [];
        let life = 1;
        const wait = (ms: number) => {
          world.clock.advance(ms);
          world.dispatcher.run();
          const due = [...armed].filter(([, { at }]) => at <= world.clock.elapsed());
          due.sort((a, b) => a[1].at - b[1].at);
          for (const [key, { text }] of due) {
            armed.delete(key);
            expected.push(`${life}:${text}`);
          }
        };
        script.forEach(({ do: what, key, ms }, n) => {
          if (what === 'wait') return wait(ms);
          ref.tell({
            run: (context) => {
              if (what === 'arm') context.timer(`${key}`, ms, `${n}`);
              else if (what === 'cancel') context.cancel(`${key}`);
              else throw new Error('crash');
            },
          });
          world.dispatcher.run();
          if (what === 'arm') armed.set(key, { at: world.clock.elapsed() + ms, text: `${n}` });
          else if (what === 'cancel') armed.delete(key);
          else {
            armed.clear();
            life += 1;
            wait(1_000);
          }
        });
        wait(1_000);
        expect(log.toSorted()).toEqual(expected.toSorted());
      }),
      { numRuns: 60 },
    );
  });
});
