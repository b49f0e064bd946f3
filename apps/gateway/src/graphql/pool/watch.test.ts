import { afterEach, expect, test } from 'vitest';
import { ManualClock, until } from '#actor';
import { Level } from './level.js';
import { Watch } from './watch.js';

interface Thing {
  readonly name: string;
  readonly is: string;
}
const EVERY_MS = 100;
const SOON_MS = 2_000;
const clock = new ManualClock();
const warned: string[] = [];
let things: readonly Thing[] = [];
let isFailing = false;
let looks = 0;

const watch = new Watch<Thing>({
  read: () => {
    looks++;
    return isFailing ? Promise.reject(new Error('it is away')) : Promise.resolve(things);
  },
  nameOf: ({ name }) => name,
  everyMs: EVERY_MS,
  clock,
  log: { warn: (message) => void warned.push(message) },
});
const put = (...all: readonly string[]): void => {
  things = all.map((text) => ({ name: text[0] ?? '', is: text.slice(1) }));
};
const open: AsyncIterator<Thing>[] = [];
function follow(isMeant: (thing: Thing) => boolean = () => true, absent?: Thing) {
  const stream = watch.follow(isMeant, absent);
  open.push(stream);
  return stream;
}
async function look(): Promise<void> {
  const before = looks;
  await until(() => {
    clock.advance(EVERY_MS);
    return looks > before;
  }, SOON_MS);
  await new Promise((resolve) => setImmediate(resolve));
}
const next = async (stream: AsyncIterator<Thing>): Promise<string> => {
  const { value } = (await stream.next()) as IteratorYieldResult<Thing>;
  return value.name + value.is;
};

afterEach(async () => {
  for (const stream of open.splice(0)) await stream.return?.();
  isFailing = false;
  warned.length = 0;
});

test('tells what is there, then what changes, and of what is meant no longer once', async () => {
  put('a1', 'b1');
  const all = follow();
  const ones = follow(({ is }) => is === '1');
  await look();
  expect([await next(all), await next(all)]).toEqual(['a1', 'b1']);
  expect([await next(ones), await next(ones)]).toEqual(['a1', 'b1']);
  put('a2', 'b1');
  await look();
  expect([await next(all), await next(ones)]).toEqual(['a2', 'a2']);
  put('a3', 'b2');
  await look();
  expect([await next(all), await next(all)]).toEqual(['a3', 'b2']);
  expect(await next(ones)).toBe('b2');
});

test('a slow reader gets the newest of each, and who comes later what is there', async () => {
  put('a1', 'b1');
  const slow = follow();
  await look();
  put('a2', 'b1');
  await look();
  put('a3', 'b1');
  await look();
  const late = follow();
  await look();
  expect([await next(slow), await next(slow)].sort()).toEqual(['a3', 'b1']);
  expect([await next(late), await next(late)].sort()).toEqual(['a3', 'b1']);
});

test('equal followers are given the same object, whose execution they share', async () => {
  put('a1');
  const [one, two] = [follow(), follow()];
  await look();
  expect((await two.next()).value).toBe((await one.next()).value);
});

test('what is not there is told as absent, then as it is', async () => {
  put('b1');
  const stream = follow(({ name }) => name === 'a', { name: 'a', is: '0' });
  await look();
  expect(await next(stream)).toBe('a0');
  put('a1');
  await look();
  expect(await next(stream)).toBe('a1');
  put('b1');
  await look();
  expect(await next(stream)).toBe('a0');
});

test('a look that fails is warned of once, and the next one goes on', async () => {
  put('a1');
  isFailing = true;
  const stream = follow();
  await look();
  await look();
  expect(warned).toHaveLength(1);
  isFailing = false;
  await look();
  expect(await next(stream)).toBe('a1');
});

test('nobody looks when nobody follows', async () => {
  const stream = follow();
  await look();
  await stream.return?.();
  const before = looks;
  clock.advance(EVERY_MS * 10);
  expect(looks).toBe(before);
});

test('a level is one question for all who ask, and holds longer when it is dear', async () => {
  let asked = 0;
  let tookMs = 0;
  const level = new Level({
    read: () => {
      asked++;
      clock.advance(tookMs);
      return Promise.resolve(asked);
    },
    clock,
    freshMs: 100,
    share: 10,
  });
  expect(await Promise.all([level.get(), level.get()])).toEqual([1, 1]);
  clock.advance(101);
  tookMs = 50;
  expect(await level.get()).toBe(2);
  clock.advance(449);
  expect(await level.get()).toBe(2);
  clock.advance(2);
  expect(await level.get()).toBe(3);
});
