import { describe, expect, it } from 'vitest';
import { ManualClock } from './manual-clock.js';
import { probe } from './probe.js';
import { SeededDispatcher } from './seeded-dispatcher.js';
import { TestSignal } from './test-signal.js';
import { until } from './until.js';

describe('ManualClock', () => {
  it('runs what falls due in order, what that arms too, and nothing cancelled', () => {
    const clock = new ManualClock(1_000);
    const log: string[] = [];
    const note = (text: string) => () => log.push(`${text}@${clock.elapsed()}`);
    clock.after(20, note('b'));
    clock.after(10, () => {
      note('a')();
      clock.after(5, note('armed'));
    });
    clock.after(10, note('a2'));
    clock.after(15, note('cancelled'))();
    clock.after(31, note('later'));
    clock.advance(30);
    expect(log).toEqual(['a@10', 'a2@10', 'armed@15', 'b@20']);
    expect([clock.pending, clock.elapsed(), clock.now()]).toEqual([1, 30, 1_030]);
    clock.jump(-500);
    expect([clock.elapsed(), clock.now()]).toEqual([30, 530]);
  });
});

describe('SeededDispatcher', () => {
  const order = (seed: number): string => {
    const dispatcher = new SeededDispatcher(seed);
    const log: number[] = [];
    for (let n = 0; n < 6; n++) dispatcher.ready(() => log.push(n));
    expect(dispatcher.run()).toBe(6);
    return log.join('');
  };

  it('picks the same order for the same seed, others for others', () => {
    expect(order(1)).toBe(order(1));
    expect(new Set([1, 2, 3, 4, 5].map(order)).size).toBeGreaterThan(2);
  });

  it('gives up on what never ends, with its seed', () => {
    const dispatcher = new SeededDispatcher(7);
    const again = (): void => dispatcher.ready(again);
    again();
    expect(() => dispatcher.run(100)).toThrow('seed 7: not idle after 100 turns');
  });
});

describe('until, probe and TestSignal', () => {
  it('until waits for a condition and names it past its bound', async () => {
    let ready = false;
    setImmediate(() => (ready = true));
    await until(() => ready, 1_000);
    await expect(until(() => ready === null, 5)).rejects.toThrow(
      /not so within 5 ms: .*ready === null/,
    );
  });

  it('a probe records what it admits', async () => {
    const even = probe<number>('even', (n) => (n % 2 === 0 ? 'accepted' : 'full'));
    setImmediate(() => [1, 2, 3, 4].map((n) => even.tell(n)));
    expect(await even.first(2, 1_000)).toEqual([2, 4]);
    await expect(even.first(3, 5)).rejects.toThrow('not so within');
  });

  it('a signal is nothing until listened to, then kept in order', async () => {
    const signal = new TestSignal<number>();
    signal.signal(1);
    await expect(signal.next(5)).rejects.toThrow('listen');
    signal.listen().signal(2);
    setImmediate(() => signal.signal(3));
    expect([await signal.next(1_000), await signal.next(1_000)]).toEqual([2, 3]);
    await expect(signal.next(5)).rejects.toThrow('not so within');
  });
});
