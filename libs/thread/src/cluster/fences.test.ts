import { beforeEach, expect, test } from 'vitest';
import type { Fence, Reply } from '#core';
import { Fences } from './fences.js';

const quiet = (): void => undefined;
const fence = (partition: number): Fence => ({
  partition,
  epoch: 3,
  events: 5,
  granted: 2,
  finished: 1,
});

let asked: { readonly partitions: readonly number[]; readonly reply: Reply<void> }[];
let said: object[];
let fences: Fences;

beforeEach(() => {
  asked = [];
  said = [];
  const store = {
    fenced: (thread: string, of: readonly Fence[], reply: Reply<void>) => {
      expect(thread).toBe('t1');
      asked.push({ partitions: of.map(({ partition }) => partition), reply });
    },
  };
  const info = (_: string, about?: object): void => void said.push({ ...about });
  fences = new Fences(store, 't1', { debug: quiet, info, warn: quiet, error: quiet });
});
const partitions = (): (readonly number[])[] => asked.map((call) => call.partitions);
const answer = (at: number, given: Error | undefined): void =>
  (asked[at]?.reply as Reply<unknown> | undefined)?.(given);

test('each is said and told at once, those that come meanwhile in the next call', () => {
  fences.add(fence(1));
  expect(said).toEqual([{ outcome: 'fenced', ...fence(1) }]);
  fences.add(fence(2));
  fences.add(fence(3));
  expect(partitions()).toEqual([[1]]);
  answer(0, undefined);
  expect(partitions()).toEqual([[1], [2, 3]]);
  answer(1, undefined);
  fences.send();
  expect(asked).toHaveLength(2);
});

test('what could not be told is told at the next look', () => {
  fences.add(fence(1));
  fences.add(fence(2));
  answer(0, new Error('away'));
  expect(asked).toHaveLength(1);
  fences.send();
  expect(partitions()).toEqual([[1], [1, 2]]);
});

test('one that can tell nothing keeps a bounded number, the newest', () => {
  for (let i = 0; i < 5_000; i++) fences.add(fence(i));
  answer(0, new Error('away'));
  fences.send();
  expect(partitions()[1]).toHaveLength(4_096);
  expect(partitions()[1]?.at(-1)).toBe(4_999);
});
