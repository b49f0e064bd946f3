import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STOP } from './behavior.js';
import type { ActorContext, Behavior, Loading } from './behavior.js';
import type { Incident } from './kernel.js';
import type { ActorRef, StopReason } from './refs.js';
import { testOptions, testWorld } from './testkit/options.js';
import { probe } from './testkit/probe.js';

/** Appends to a log that outlives the actor; 'bad…' fails, 'stop' ends it. */
function recorder(log: string[]): Behavior<string, string[]> {
  return {
    name: 'recorder',
    start() {
      log.push('start');
      return [];
    },
    receive(state, message) {
      if (message.startsWith('bad')) throw new Error(message);
      if (message === 'stop') return STOP;
      log.push(message);
      return [...state, message];
    },
    stopped: (state, reason) => log.push(`stopped ${reason} [${state.join(' ')}]`),
  };
}

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

describe('supervision', () => {
  type Nursery = 'fail' | 'child';
  /** A parent with one recorder; what ends is told to a probe. */
  function family(decide: 'restart' | 'stop' | 'escalate', restarts = 3) {
    const world = testWorld();
    const ends = probe<StopReason>();
    const logs: string[][] = [];
    const incidents: string[] = [];
    world.system.incidents$.subscribe(({ address, outcome }: Incident) =>
      incidents.push(`${address.path} ${outcome}`),
    );
    let child: ActorRef<string> | undefined;
    let starts = 0;
    const parent: Behavior<Nursery, number> = {
      name: 'parent',
      start(_args, context: ActorContext<Nursery>) {
        starts += 1;
        const log: string[] = [];
        logs.push(log);
        const supervision = { decide: () => decide, intensity: { restarts, within: 1_000 } };
        child = context.spawn(recorder(log), undefined, testOptions('c', { supervision }));
        context.watch(child, ({ reason }) => {
          ends.tell(reason);
          return 'child';
        });
        return 0;
      },
      receive(state, message) {
        if (message === 'fail') throw new Error('parent');
        return state + 1;
      },
      stopped: (_state, reason) => logs.at(-1)?.push(`parent stopped ${reason}`),
    };
    const ref = world.system.spawn(parent, undefined, testOptions('p'));
    world.dispatcher.run();
    const tell = (message: string) => {
      (child as ActorRef<string>).tell(message);
      world.dispatcher.run();
    };
    return { ...world, ref, ends, logs, incidents, tell, starts: () => starts };
  }

  it('stop: the child ends as failed, its watcher hears so, the parent lives', () => {
    const { ends, logs, incidents, tell, starts } = family('stop');
    tell('bad');
    expect(ends.messages).toEqual(['failed']);
    expect(logs[0]).toEqual(['start', 'stopped failed []']);
    expect(incidents).toEqual(['p/c stop']);
    expect(starts()).toBe(1);
  });

  it('escalate: the parent fails and restarts with a new child', () => {
    const { clock, dispatcher, logs, incidents, tell, starts } = family('escalate');
    tell('bad');
    expect(incidents).toEqual(['p/c escalate', 'p restart']);
    clock.advance(10);
    dispatcher.run();
    expect(starts()).toBe(2);
    tell('1');
    expect(logs[1]).toEqual(['start', '1']);
  });

  it('escalates after more than `restarts` within the window, not before', () => {
    const { clock, incidents, tell, starts } = family('restart', 2);
    for (let n = 0; n < 2; n++) {
      tell('bad');
      clock.advance(100);
      tell('1');
    }
    expect(incidents).toEqual(['p/c restart', 'p/c restart']);
    tell('bad');
    expect(incidents.slice(2)).toEqual(['p/c escalate', 'p restart']);
    expect(starts()).toBe(1);
  });

  it('forgets restarts that the window has left behind', () => {
    const { clock, incidents, tell } = family('restart', 1);
    for (let n = 0; n < 5; n++) {
      tell('bad');
      clock.advance(1_000);
      tell('1');
    }
    expect(incidents).toEqual(Array(5).fill('p/c restart'));
  });

  it('a failing parent ends its children first, and spawns them again', () => {
    const { clock, dispatcher, ref, ends, logs, tell, starts } = family('restart');
    ref.tell('fail');
    dispatcher.run();
    expect(logs[0]).toEqual(['start', 'stopped parent []', 'parent stopped failed']);
    clock.advance(10);
    dispatcher.run();
    tell('1');
    expect(logs[1]).toEqual(['start', '1']);
    expect(starts()).toBe(2);
    // The watch belonged to the life that failed.
    expect(ends.messages).toEqual([]);
  });

  it('a decide that throws ends the actor instead of leaving it half alive', () => {
    const { dispatcher, system } = testWorld();
    const log: string[] = [];
    const decide = (): never => {
      throw new Error('undecided');
    };
    const options = testOptions<string, string[]>('a', { supervision: { decide } });
    const ref = system.spawn(recorder(log), undefined, options);
    ref.tell('bad');
    dispatcher.run();
    expect(ref.tell('1')).toBe('gone');
    expect(log).toEqual(['start', 'stopped failed []']);
  });

  it('reports a stopped that throws, and ends all the same', () => {
    const { dispatcher, system } = testWorld();
    const outcomes: string[] = [];
    system.incidents$.subscribe(({ outcome }) => outcomes.push(outcome));
    const behavior: Behavior<string, number> = {
      name: 'a',
      start: () => 0,
      receive: (state) => state,
      stopped() {
        throw new Error('disk full');
      },
    };
    const ref = system.spawn(behavior, undefined, testOptions('a'));
    dispatcher.run();
    system.stop(ref);
    expect(outcomes).toEqual(['dropped']);
    expect(ref.tell('x')).toBe('gone');
  });
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
