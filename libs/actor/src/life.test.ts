import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActorContext, Behavior } from './behavior.js';
import type { ActorRef, Answer, Outcome } from './refs.js';
import { testOptions, testWorld } from './testkit/options.js';
import { probe } from './testkit/probe.js';

type Do = (context: ActorContext<Told>, log: string[]) => void;
type Told = string | { readonly run: Do };

/** Does what it is told, and logs what it hears. */
function puppet(log: string[]): Behavior<Told, number> {
  let life = 0;
  return {
    name: 'puppet',
    start: () => ++life,
    receive(state, message, context) {
      if (typeof message === 'string') log.push(`${state}:${message}`);
      else message.run(context, log);
      return state;
    },
  };
}

function stage(seed = 1) {
  const world = testWorld(seed);
  const log: string[] = [];
  const ref = world.system.spawn(puppet(log), undefined, testOptions('puppet'));
  const run = (work: Do) => {
    ref.tell({ run: work });
    world.dispatcher.run();
  };
  const advance = (ms: number) => {
    world.clock.advance(ms);
    world.dispatcher.run();
  };
  const crash = () => {
    run(() => {
      throw new Error('crash');
    });
    advance(10);
  };
  return { ...world, ref, log, run, advance, crash };
}

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

describe('pipe', () => {
  const text = (outcome: Outcome<string>) => (outcome.ok ? outcome.value : String(outcome.error));

  it('brings the outcome of a promise as a message', async () => {
    const { dispatcher, run, log } = stage();
    run((context) => {
      context.pipe(Promise.resolve('done'), text);
      context.pipe(Promise.reject(new Error('refused')), text);
    });
    await Promise.resolve();
    await Promise.resolve();
    dispatcher.run();
    expect(log).toEqual(['1:done', '1:Error: refused']);
  });

  it('drops it after a restart and after a stop', async () => {
    const { dispatcher, system, ref, run, crash, log } = stage();
    const gates = [deferred<string>(), deferred<string>()];
    run((context) => context.pipe((gates[0] as Deferred<string>).promise, text));
    crash();
    run((context) => context.pipe((gates[1] as Deferred<string>).promise, text));
    gates[0]?.resolve('old');
    await gates[0]?.promise;
    dispatcher.run();
    system.stop(ref);
    gates[1]?.resolve('too late');
    await gates[1]?.promise;
    dispatcher.run();
    expect(log).toEqual([]);
  });

  it('fails the actor when the outcome cannot become a message', async () => {
    const { dispatcher, system, run } = stage();
    const outcomes: string[] = [];
    system.incidents$.subscribe(({ outcome }) => outcomes.push(outcome));
    run((context) =>
      context.pipe(Promise.resolve('x'), () => {
        throw new Error('no message');
      }),
    );
    await Promise.resolve();
    dispatcher.run();
    expect(outcomes).toEqual(['restart']);
  });
});

describe('ask', () => {
  const text = (answer: Answer<string>) => (answer.ok ? answer.value : answer.why);

  it('is answered once by the first reply, and leaves no timer', () => {
    const { clock, dispatcher, run, log } = stage();
    const target = probe<ActorRef<string>>();
    run((context) => context.ask<ActorRef<string>, string>(target, (r) => r, 100, text));
    const [reply] = target.messages;
    expect(reply?.tell('first')).toBe('accepted');
    expect(reply?.tell('second')).toBe('gone');
    dispatcher.run();
    expect(log).toEqual(['1:first']);
    expect(clock.pending).toBe(0);
  });

  it('says timeout, full and gone', () => {
    const { dispatcher, run, advance, log } = stage();
    for (const admit of ['accepted', 'full', 'gone'] as const) {
      const target = probe<ActorRef<string>>('t', () => admit);
      run((context) => context.ask<ActorRef<string>, string>(target, (r) => r, 100, text));
    }
    dispatcher.run();
    advance(100);
    expect(log).toEqual(['1:full', '1:gone', '1:timeout']);
  });

  it('is forgotten with its incarnation', () => {
    const { clock, dispatcher, run, crash, log } = stage();
    const target = probe<ActorRef<string>>();
    run((context) => context.ask<ActorRef<string>, string>(target, (r) => r, 1_000, text));
    crash();
    expect(clock.pending).toBe(0);
    expect(target.messages[0]?.tell('late')).toBe('gone');
    dispatcher.run();
    expect(log).toEqual([]);
  });
});

describe('watch', () => {
  it('tells of the end after all that came before it from there', () => {
    const { dispatcher, system, run, log, ref } = stage();
    const child = system.spawn(puppet([]), undefined, testOptions('w'));
    run((context) => context.watch(child, ({ reason, address }) => `${address.path} ${reason}`));
    child.tell({
      run: () => {
        ref.tell('last words');
        system.stop(child);
      },
    });
    dispatcher.run();
    expect(log).toEqual(['1:last words', '1:w asked']);
  });

  it('of what has ended says gone', () => {
    const { dispatcher, system, run, log } = stage();
    const child = system.spawn(puppet([]), undefined, testOptions('w'));
    system.stop(child);
    run((context) => context.watch(child, ({ reason }) => reason));
    dispatcher.run();
    expect(log).toEqual(['1:gone']);
  });
});

describe('a context', () => {
  it('does nothing once its incarnation is over', () => {
    const { clock, run, advance, crash, log } = stage();
    let kept: ActorContext<Told> | undefined;
    run((context) => {
      kept = context;
    });
    crash();
    kept?.timer('k', 1, 'late');
    kept?.ask(
      probe<ActorRef<string>>(),
      (r: ActorRef<string>) => r,
      10,
      () => 'late',
    );
    kept?.watch(probe(), () => 'late');
    expect(clock.pending).toBe(0);
    expect(() => kept?.spawn(puppet([]), undefined, testOptions('x'))).toThrow('incarnation');
    advance(100);
    expect(log).toEqual([]);
  });

  it('stops a child, and no stranger', () => {
    const { dispatcher, system, run } = stage();
    const stranger = system.spawn(puppet([]), undefined, testOptions('stranger'));
    let child: ActorRef<Told> | undefined;
    run((context) => {
      child = context.spawn(puppet([]), undefined, testOptions('child'));
      context.stop(stranger);
    });
    expect([child?.tell('x'), stranger.tell('x')]).toEqual(['accepted', 'accepted']);
    run((context) => context.stop(child as ActorRef<Told>));
    dispatcher.run();
    expect([child?.tell('x'), stranger.tell('x')]).toEqual(['gone', 'accepted']);
  });
});

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
