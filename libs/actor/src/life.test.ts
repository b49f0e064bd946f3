import { describe, expect, it } from 'vitest';
import type { ActorContext } from './behavior.js';
import type { ActorRef, Answer, Outcome } from './refs.js';
import { deferred } from './testkit/deferred.js';
import type { Deferred } from './testkit/deferred.js';
import { testOptions } from './testkit/options.js';
import { probe } from './testkit/probe.js';
import { puppet, stage } from './testkit/puppet.js';
import type { Told } from './testkit/puppet.js';

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

  it('drops an outcome that already waits behind the message that fails', async () => {
    const { clock, dispatcher, ref, run, log } = stage();
    run((context) => context.pipe(Promise.resolve('old'), text));
    ref.tell({
      run: () => {
        throw new Error('crash');
      },
    });
    await Promise.resolve();
    await Promise.resolve();
    dispatcher.run();
    clock.advance(10);
    dispatcher.run();
    expect(log).toEqual([]);
  });

  it('does not let the outcome of an earlier life fail the next one', async () => {
    const { dispatcher, system, run, crash } = stage();
    const outcomes: string[] = [];
    const gate = deferred<string>();
    run((context) =>
      context.pipe(gate.promise, () => {
        throw new Error('no message');
      }),
    );
    crash();
    system.incidents$.subscribe(({ outcome }) => outcomes.push(outcome));
    gate.resolve('late');
    await gate.promise;
    dispatcher.run();
    expect(outcomes).toEqual([]);
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
