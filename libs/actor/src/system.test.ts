import { Subject } from 'rxjs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Behavior } from './behavior.js';
import type { ActorRef } from './refs.js';
import { testOptions, testWorld } from './testkit/options.js';
import { probe } from './testkit/probe.js';

const adder: Behavior<number, { sum: number }> = {
  name: 'adder',
  start: () => ({ sum: 0 }),
  receive(state, n) {
    if (n < 0) throw new Error('negative');
    state.sum += n;
    return state;
  },
};
const view = (state: { sum: number }) => state.sum;

describe('state$', () => {
  it('replays the last view, shows no step between two turns, completes with the actor', () => {
    const { dispatcher, system } = testWorld();
    const ref = system.spawn(adder, undefined, testOptions('a', { view }));
    const seen: unknown[] = [];
    system.state$<number>(ref).subscribe({
      next: (value) => seen.push(value),
      complete: () => seen.push('end'),
    });
    dispatcher.run();
    for (const n of [1, 2, 3]) ref.tell(n);
    dispatcher.run();
    expect(seen).toEqual([0, 6]);
    const late: unknown[] = [];
    system.state$<number>(ref).subscribe((value) => late.push(value));
    expect(late).toEqual([6]);
    system.stop(ref);
    expect(seen).toEqual([0, 6, 'end']);
  });

  it('shows a fresh state after a restart', () => {
    const { clock, dispatcher, system } = testWorld();
    const ref = system.spawn(adder, undefined, testOptions('a', { view }));
    const seen: number[] = [];
    system.state$<number>(ref).subscribe((value) => seen.push(value));
    ref.tell(5);
    dispatcher.run();
    ref.tell(-1);
    dispatcher.run();
    clock.advance(10);
    dispatcher.run();
    expect(seen.at(-1)).toBe(0);
    expect(seen).toContain(5);
  });

  it('conflates slices: an observer sees the newest, and the view is not computed unseen', () => {
    const { dispatcher, system } = testWorld(3);
    let computed = 0;
    const counting = (state: { sum: number }) => {
      computed += 1;
      return state.sum;
    };
    const options = testOptions('a', { view: counting, mailbox: { slice: 1 } });
    const ref = system.spawn(adder, undefined, options);
    for (let n = 0; n < 100; n++) ref.tell(1);
    // The start and a turn for each message: nothing is published to nobody.
    expect(dispatcher.run()).toBe(101);
    expect(computed).toBe(0);
    const seen: number[] = [];
    system.state$<number>(ref).subscribe((value) => seen.push(value));
    for (let n = 0; n < 100; n++) ref.tell(1);
    dispatcher.run();
    expect(seen.at(-1)).toBe(200);
    expect(seen.length).toBeLessThan(100);
    expect(computed).toBeLessThanOrEqual(101);
  });

  it('without a view says what to do', () => {
    const { system } = testWorld();
    const ref = system.spawn(adder, undefined, testOptions('a'));
    let message = '';
    system.state$(ref).subscribe({ error: (error: Error) => (message = error.message) });
    expect(message).toContain('a has no view');
  });
});

describe('ask', () => {
  const answer = (n: number) => (r: ActorRef<number>) => void r.tell(n);

  it('resolves with the reply, a refusal or the time-out', async () => {
    const { clock, system } = testWorld();
    const target = probe<ActorRef<number>>();
    const asked = system.ask<ActorRef<number>, number>(target, (r) => r, 10);
    answer(7)(target.messages[0] as ActorRef<number>);
    expect(await asked).toEqual({ ok: true, value: 7 });
    const full = probe<ActorRef<number>>('full', () => 'full');
    expect(await system.ask(full, (r: ActorRef<number>) => r, 10)).toEqual({
      ok: false,
      why: 'full',
    });
    const silent = system.ask(target, (r: ActorRef<number>) => r, 10);
    clock.advance(10);
    expect(await silent).toEqual({ ok: false, why: 'timeout' });
    expect(clock.pending).toBe(0);
  });
});

describe('ingest', () => {
  it('pauses a source when the target is full and loses nothing', () => {
    const batches = fc.array(fc.array(fc.nat(9), { maxLength: 30 }), { maxLength: 20 });
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 10 }), fc.nat(50), (all, capacity, seed) => {
        const { dispatcher, system } = testWorld(seed);
        const got: number[] = [];
        const taker: Behavior<number, null> = {
          name: 'taker',
          start: () => null,
          receive: (state, n) => {
            got.push(n);
            return state;
          },
        };
        const options = testOptions<number, null>('t', { mailbox: { capacity, slice: 2 } });
        const ref = system.spawn(taker, undefined, options);
        const source$ = new Subject<readonly number[]>();
        const { pause$ } = system.ingest(source$, ref);
        const pauses: boolean[] = [];
        let completed = false;
        pause$.subscribe({ next: (p) => pauses.push(p), complete: () => (completed = true) });
        for (const batch of all) {
          source$.next(batch);
          expect(pauses.at(-1)).toBe(sent(all, batch) - got.length > capacity);
          dispatcher.step();
        }
        source$.complete();
        dispatcher.run();
        expect(got).toEqual(all.flat());
        expect(pauses.at(-1)).toBe(false);
        expect(completed).toBe(true);
      }),
    );
  });

  it('lets go of the source when the target ends, and when unsubscribed', () => {
    const { dispatcher, system } = testWorld();
    const source$ = new Subject<readonly number[]>();
    const ref = system.spawn(adder, undefined, testOptions('a', { mailbox: { capacity: 1 } }));
    const first = system.ingest(source$, ref);
    source$.next([1, 2]);
    system.stop(ref);
    dispatcher.run();
    expect([source$.observed, first.closed]).toEqual([false, true]);
    const other = system.spawn(adder, undefined, testOptions('b'));
    const second = system.ingest(source$, other);
    second.unsubscribe();
    expect(source$.observed).toBe(false);
  });
});

describe('shutdown', () => {
  it('stops all, depth first, and releases every timer and subscription', async () => {
    const { clock, dispatcher, system } = testWorld();
    const log: string[] = [];
    const nest = (depth: number): Behavior<number, number> => ({
      name: `nest${depth}`,
      start(_args, context) {
        context.timer('k', 1_000, 1);
        context.ask(
          probe<ActorRef<number>>(),
          (r: ActorRef<number>) => r,
          1_000,
          () => 1,
        );
        if (depth > 0) context.spawn(nest(depth - 1), undefined, testOptions('child'));
        return depth;
      },
      receive: (state) => state,
      stopped: (state, reason) => log.push(`${state} ${reason}`),
    });
    const ref = system.spawn(nest(2), undefined, testOptions('top', { view: (s) => s }));
    const source$ = new Subject<readonly number[]>();
    system.ingest(source$, ref);
    let completed = 0;
    system.state$(ref).subscribe({ complete: () => (completed += 1) });
    system.incidents$.subscribe({ complete: () => (completed += 1) });
    const asked = system.ask(probe<ActorRef<number>>(), (r: ActorRef<number>) => r, 1_000);
    dispatcher.run();
    expect(clock.pending).toBe(7);
    await Promise.all([system.shutdown(100), system.shutdown(100)]);
    expect(log).toEqual(['0 parent', '1 parent', '2 asked']);
    expect(clock.pending).toBe(0);
    expect(source$.observed).toBe(false);
    expect(completed).toBe(2);
    expect(await asked).toEqual({ ok: false, why: 'gone' });
    expect(() => system.spawn(adder, undefined, testOptions('x'))).toThrow('shutting down');
  });
});

/** Messages of all batches up to this one. */
function sent(all: readonly (readonly number[])[], last: readonly number[]): number {
  return all.slice(0, all.indexOf(last) + 1).flat().length;
}
