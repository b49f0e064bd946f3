import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY } from './lane.js';
import { Mailbox } from './mailbox.js';
import type { MailboxPolicy } from './mailbox.js';
import { SeededDispatcher } from './testkit/seeded-dispatcher.js';

interface Item {
  readonly sender: number;
  readonly lane: 0 | 1;
  readonly n: number;
}

function open<M>(policy: Partial<MailboxPolicy<M>>) {
  const dispatcher = new SeededDispatcher(1);
  const mailbox = new Mailbox<M>(
    { capacity: 1_000, slice: 8, overflow: 'reject', ...policy },
    dispatcher,
  );
  const slices: M[][] = [];
  const drain = () =>
    mailbox.slices$.subscribe((slice) => {
      const taken: M[] = [];
      for (let m = slice.take(); m !== EMPTY; m = slice.take()) taken.push(m);
      slices.push(taken);
    });
  return { mailbox, dispatcher, slices, drain };
}

describe('mailbox', () => {
  it('keeps the order of each sender within a lane, loses none, doubles none', () => {
    const items = fc.array(
      fc.record({ sender: fc.nat(3), lane: fc.constantFrom<0 | 1>(0, 1), turns: fc.nat(2) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 20 }), (told, slice) => {
        const { mailbox, dispatcher, slices, drain } = open<Item>({ slice, lane: (m) => m.lane });
        drain();
        const sent = told.map(({ sender, lane, turns }, n) => {
          const item = { sender, lane, n };
          expect(mailbox.tell(item)).toBe('accepted');
          for (let turn = 0; turn < turns; turn++) dispatcher.step();
          return item;
        });
        dispatcher.run();
        const got = slices.flat();
        expect(got.length).toBe(sent.length);
        for (const lane of [0, 1] as const) {
          const of = (all: readonly Item[]) => all.filter((m) => m.lane === lane).map((m) => m.n);
          expect(of(got)).toEqual(of(sent));
        }
        expect(slices.every((one) => one.length <= slice)).toBe(true);
      }),
    );
  });

  it('drains lane 0 first', () => {
    const { mailbox, dispatcher, slices, drain } = open<number>({ lane: (n) => (n < 0 ? 0 : 1) });
    for (const n of [1, 2, -1, 3, -2]) mailbox.tell(n);
    drain();
    dispatcher.run();
    expect(slices).toEqual([[-1, -2, 1, 2, 3]]);
  });

  it('refuses when a lane is full, and only that lane', () => {
    const { mailbox } = open<number>({ capacity: 2, lane: (n) => (n < 0 ? 0 : 1) });
    expect([1, 2, 3].map((n) => mailbox.tell(n))).toEqual(['accepted', 'accepted', 'full']);
    expect([-1, -2, -3].map((n) => mailbox.tell(n))).toEqual(['accepted', 'accepted', 'full']);
  });

  it('never holds more than its capacity, whatever the interleaving', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat(60)), (capacity, bursts) => {
        const { mailbox, dispatcher, slices, drain } = open<number>({ capacity, slice: 3 });
        drain();
        let accepted = 0;
        for (const burst of bursts) {
          for (let n = 0; n < burst; n++) {
            const waiting = accepted - slices.flat().length;
            const admit = mailbox.tell(accepted);
            expect(admit).toBe(waiting < capacity ? 'accepted' : 'full');
            if (admit === 'accepted') accepted += 1;
          }
          dispatcher.step();
        }
        dispatcher.run();
        expect(slices.flat()).toEqual(Array.from({ length: accepted }, (_, n) => n));
      }),
      { numRuns: 50 },
    );
  });

  it('drops the oldest when told to, and never what is owed', () => {
    const { mailbox, dispatcher, slices, drain } = open<number>({
      capacity: 2,
      overflow: 'drop-oldest',
    });
    mailbox.owe(100, () => 100);
    for (const n of [1, 2, 3, 4]) expect(mailbox.tell(n)).toBe('accepted');
    drain();
    dispatcher.run();
    expect(slices.flat()).toEqual([100, 3, 4]);
  });

  it('takes what is owed beyond its capacity, unless it was withdrawn meanwhile', () => {
    const { mailbox, dispatcher, slices, drain } = open<number>({ capacity: 1 });
    mailbox.tell(1);
    mailbox.owe(2, () => 2);
    mailbox.owe(3, () => EMPTY);
    expect(mailbox.tell(4)).toBe('full');
    drain();
    dispatcher.run();
    expect(slices.flat()).toEqual([1, 2]);
    expect(mailbox.tell(4)).toBe('accepted');
  });

  it('conflates by key: the newer takes the place, also when full', () => {
    const { mailbox, dispatcher, slices, drain } = open<string>({
      capacity: 2,
      conflate: (m) => (m.startsWith('beat') ? 'beat' : undefined),
    });
    expect(['beat1', 'x', 'beat2'].map((m) => mailbox.tell(m))).toEqual(Array(3).fill('accepted'));
    drain();
    dispatcher.run();
    mailbox.tell('beat3');
    dispatcher.run();
    expect(slices).toEqual([['beat2', 'x'], ['beat3']]);
  });

  it('calls back once when there is room again', () => {
    const { mailbox, dispatcher, drain } = open<number>({ capacity: 1 });
    let calls = 0;
    mailbox.tell(1);
    mailbox.whenRoom(() => (calls += 1));
    mailbox.whenRoom(() => (calls += 100))();
    drain();
    dispatcher.run();
    mailbox.tell(2);
    dispatcher.run();
    expect(calls).toBe(1);
  });

  it('is gone once closed, and wakes who waited for room', () => {
    const { mailbox, dispatcher, slices, drain } = open<number>({ capacity: 1 });
    drain();
    mailbox.tell(1);
    let admit = '';
    mailbox.whenRoom(() => (admit = mailbox.tell(2)));
    mailbox.close();
    mailbox.close();
    dispatcher.run();
    expect(admit).toBe('gone');
    expect(slices.flat()).toEqual([]);
  });

  it('refuses a capacity or slice below 1, with the value', () => {
    expect(() => open({ capacity: 0 })).toThrow('mailbox capacity is 0');
    expect(() => open({ slice: 1.5 })).toThrow('mailbox slice is 1.5');
  });
});
