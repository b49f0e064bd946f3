import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STOP } from './behavior.js';
import type { Behavior, Loading } from './behavior.js';
import { deferred } from './testkit/deferred.js';
import { testOptions, testWorld } from './testkit/options.js';
import { recorder } from './testkit/recorder.js';

describe('an actor', () => {
  it('restarts fresh after a failure; only the failing message is gone', () => {
    const { clock, dispatcher, system } = testWorld();
    const log: string[] = [];
    const ref = system.spawn(recorder(log), undefined, testOptions('a'));
    for (const m of ['1', '2', 'bad', '3', '4']) ref.tell(m);
    dispatcher.run();
    expect(log).toEqual(['start', '1', '2', 'stopped failed [1 2]']);
    expect(ref.tell('5')).toBe('accepted');
    clock.advance(9);
    dispatcher.run();
    expect(log.length).toBe(4);
    clock.advance(1);
    dispatcher.run();
    expect(log.slice(4)).toEqual(['start', '3', '4', '5']);
  });

  it('loses and doubles nothing but the failing messages over any number of restarts', () => {
    const kinds = fc.array(fc.record({ bad: fc.boolean(), advance: fc.nat(30) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(kinds, fc.nat(1_000), fc.integer({ min: 1, max: 5 }), (told, seed, slice) => {
        const { clock, dispatcher, system } = testWorld(seed);
        const log: string[] = [];
        const supervision = { intensity: { restarts: 1_000, within: 1 } };
        const options = testOptions<string, string[]>('a', { supervision, mailbox: { slice } });
        const ref = system.spawn(recorder(log), undefined, options);
        told.forEach(({ bad, advance }, n) => {
          ref.tell(bad ? `bad${n}` : `${n}`);
          dispatcher.step();
          clock.advance(advance);
        });
        for (let n = 0; n <= told.length; n++) {
          dispatcher.run();
          clock.advance(1_000);
        }
        const good = told.flatMap(({ bad }, n) => (bad ? [] : [`${n}`]));
        expect(log.filter((m) => /^\d/.test(m))).toEqual(good);
        const failures = told.filter(({ bad }) => bad).length;
        expect(log.filter((m) => m.startsWith('stopped failed')).length).toBe(failures);
      }),
      { numRuns: 60 },
    );
  });

  it('calls stopped once, whoever stops it and however often', () => {
    for (const how of ['asked', 'itself', 'both'] as const) {
      const { dispatcher, system } = testWorld();
      const log: string[] = [];
      const ref = system.spawn(recorder(log), undefined, testOptions('a'));
      ref.tell('1');
      dispatcher.run();
      if (how !== 'asked') ref.tell('stop');
      if (how !== 'itself') system.stop(ref);
      dispatcher.run();
      system.stop(ref);
      dispatcher.run();
      expect(log).toEqual(['start', '1', 'stopped asked [1]']);
      expect(ref.tell('2')).toBe('gone');
    }
  });

  it('that is stopped within its own turn finishes the message at hand, settles, then ends', () => {
    const { dispatcher, system } = testWorld();
    const log: string[] = [];
    const behavior: Behavior<number, number> = {
      name: 'self',
      start: () => 0,
      receive(state, message) {
        if (message === 2) system.stop(ref);
        log.push(`got ${message}`);
        return state + message;
      },
      settle(state) {
        log.push(`settle ${state}`);
        return state;
      },
      stopped: (state, reason) => log.push(`${reason} ${state}`),
    };
    const ref = system.spawn(behavior, undefined, testOptions('a'));
    for (const n of [1, 2, 3]) ref.tell(n);
    dispatcher.run();
    expect(log).toEqual(['got 1', 'got 2', 'settle 3', 'asked 3']);
  });

  it('settles once a slice, and not after STOP', () => {
    const { dispatcher, system } = testWorld();
    const settled: number[] = [];
    const behavior: Behavior<string, number> = {
      name: 'settler',
      start: () => 0,
      receive: (state, message) => (message === 'stop' ? STOP : state + 1),
      settle(state) {
        settled.push(state);
        return state;
      },
    };
    const options = testOptions<string, number>('a', { mailbox: { slice: 2 } });
    const ref = system.spawn(behavior, undefined, options);
    for (const m of ['x', 'x', 'x', 'x', 'x', 'stop']) ref.tell(m);
    dispatcher.run();
    expect(settled).toEqual([2, 4]);
  });

  it('that is stopped before its first turn never starts', () => {
    const { dispatcher, system } = testWorld();
    const log: string[] = [];
    system.stop(system.spawn(recorder(log), undefined, testOptions('a')));
    dispatcher.run();
    expect(log).toEqual([]);
  });

  it('that is stopped in its back-off starts no more and leaves no timer', () => {
    const { clock, dispatcher, system } = testWorld();
    const log: string[] = [];
    const ref = system.spawn(recorder(log), undefined, testOptions('a'));
    ref.tell('bad');
    dispatcher.run();
    expect(clock.pending).toBe(1);
    system.stop(ref);
    expect(clock.pending).toBe(0);
    clock.advance(1_000);
    dispatcher.run();
    expect(log).toEqual(['start', 'stopped failed []']);
  });

  it('refuses a name in use, and gives it free with the end', () => {
    const { dispatcher, system } = testWorld();
    const first = system.spawn(recorder([]), undefined, testOptions('a'));
    expect(() => system.spawn(recorder([]), undefined, testOptions('a'))).toThrow('in use');
    system.stop(first);
    const second = system.spawn(recorder([]), undefined, testOptions('a'));
    dispatcher.run();
    expect(second.address.incarnation).not.toBe(first.address.incarnation);
    system.stop(first);
    expect(second.tell('1')).toBe('accepted');
  });
});

describe('loading', () => {
  function loader(log: string[], loads: (() => Promise<string>)[]): Behavior<string, string> {
    return {
      name: 'loader',
      start: (): Loading<string> => ({ loading: (loads.shift() as () => Promise<string>)() }),
      receive(state, message) {
        log.push(`${state}:${message}`);
        return state;
      },
      stopped: (state, reason) => log.push(`stopped ${state} ${reason}`),
    };
  }

  it('keeps messages until the state is there', async () => {
    const { dispatcher, system } = testWorld();
    const log: string[] = [];
    const gate = deferred<string>();
    const ref = system.spawn(loader(log, [() => gate.promise]), undefined, testOptions('a'));
    ref.tell('1');
    dispatcher.run();
    expect(log).toEqual([]);
    gate.resolve('row');
    await gate.promise;
    dispatcher.run();
    expect(log).toEqual(['row:1']);
  });

  it('is a failure when it rejects', async () => {
    const { clock, dispatcher, system } = testWorld();
    const log: string[] = [];
    const failing = () => Promise.reject(new Error('no database'));
    const loads = [failing, () => Promise.resolve('row')];
    const ref = system.spawn(loader(log, loads), undefined, testOptions('a'));
    ref.tell('1');
    dispatcher.run();
    await Promise.resolve();
    await Promise.resolve();
    clock.advance(10);
    await Promise.resolve();
    dispatcher.run();
    expect(log).toEqual(['row:1']);
  });

  it('releases a state that arrives after the stop, once', async () => {
    const { dispatcher, system } = testWorld();
    const log: string[] = [];
    const gate = deferred<string>();
    const ref = system.spawn(loader(log, [() => gate.promise]), undefined, testOptions('a'));
    dispatcher.run();
    system.stop(ref);
    expect(ref.tell('1')).toBe('gone');
    gate.resolve('row');
    await gate.promise;
    dispatcher.run();
    expect(log).toEqual(['stopped row asked']);
  });
});
