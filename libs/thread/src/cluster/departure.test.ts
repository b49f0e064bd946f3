import { beforeEach, expect, test } from 'vitest';
import type { AtEpoch, StoreControl } from '#core';
import { Departure } from './departure.js';

const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

let held: Map<number, number>;
let heirs: boolean;
let did: string[];
let timers: (() => void)[];
let departure: Departure;

beforeEach(() => {
  held = new Map([
    [1, 7],
    [2, 9],
  ]);
  heirs = true;
  did = [];
  timers = [];
  const store = {
    leave: (_node: unknown, reply: (answer: undefined) => void) => {
      did.push('leave');
      reply(undefined);
    },
    release: (all: readonly AtEpoch[], _: string, reply: (answer: undefined) => void) => {
      for (const { partition, epoch } of all) did.push(`release ${partition}#${epoch}`);
      reply(undefined);
    },
  } as unknown as StoreControl;
  const host = {
    node: { thread: 't1', session: 's', scheduler: 'scheduler' },
    held: () => held,
    isHeirThere: () => heirs,
    left: () => void did.push('left'),
    after: (_ms: number, run: () => void) => {
      timers.push(run);
      return () => void timers.splice(0);
    },
  };
  departure = new Departure(store, host, log, () => void did.push('done'));
});

test('it says that it has left, and keeps what it has until others have taken it', () => {
  departure.begin();
  expect(did).toEqual(['leave', 'left']);
  held.delete(1);
  departure.look();
  expect(did).toEqual(['leave', 'left']);
  held.delete(2);
  departure.look();
  departure.look();
  expect(did).toEqual(['leave', 'left', 'done']);
  expect(timers).toEqual([]);
});

test('what nobody has taken in time is released, and said to be free', () => {
  departure.begin();
  held.delete(1);
  for (const run of timers) run();
  expect(did).toEqual(['leave', 'left', 'release 2#9', 'left', 'done']);
});

test('with nobody there to take over it releases at once', () => {
  heirs = false;
  departure.begin();
  expect(did).toEqual(['leave', 'left', 'release 1#7', 'release 2#9', 'left', 'done']);
});

test('the last of those who could take over goes while it waits', () => {
  departure.begin();
  heirs = false;
  departure.look();
  expect(did.slice(2)).toEqual(['release 1#7', 'release 2#9', 'left', 'done']);
});
