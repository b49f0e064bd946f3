import { beforeEach, describe, expect, test } from 'vitest';
import { MassSilence } from './mass-silence.js';

const MASS_LOSS_AFTER_MS = 60_000;
let mass: MassSilence;
let now: number;
let online: number;

beforeEach(() => {
  mass = new MassSilence();
  now = 1_000_000;
  online = 10;
});

/** They fall silent, all of the pool `default`. */
function fall(...executors: string[]): void {
  for (const executor of executors) mass.fell(executor, 'default', now);
  online -= executors.length;
}
const judge = (): unknown[] => mass.judge(() => online);
const held = (...executors: string[]): string[] =>
  executors.filter((executor) => mass.holds(executor, now, MASS_LOSS_AFTER_MS));

describe('over a third of a pool that falls silent within 10 s (3.2)', () => {
  test('is held back, and told once with how many of how many', () => {
    fall('a', 'b', 'c', 'd');
    expect(judge()).toEqual([{ pool: 'default', silent: 4, of: 10 }]);
    expect(held('a', 'b', 'c', 'd')).toEqual(['a', 'b', 'c', 'd']);
    expect(judge()).toEqual([]);
  });

  test('a third is not over a third', () => {
    online = 9;
    fall('a', 'b', 'c');
    expect(judge()).toEqual([]);
    expect(held('a', 'b', 'c')).toEqual([]);
  });

  test('one after the other counts, within 10 s', () => {
    for (const executor of ['a', 'b', 'c', 'd']) {
      fall(executor);
      judge();
      now += 3_000;
    }
    expect(held('a', 'b', 'c', 'd')).toHaveLength(4);
  });

  test('ten seconds are counted between them, whenever we look', () => {
    fall('a');
    now += 9_600;
    fall('b', 'c', 'd');
    now += 900;
    expect(judge()).toHaveLength(1);
    expect(held('a')).toEqual(['a']);
  });

  test('slower than that it does not', () => {
    for (const executor of ['a', 'b', 'c', 'd']) {
      fall(executor);
      judge();
      now += 4_000;
    }
    expect(held('a', 'b', 'c', 'd')).toEqual([]);
  });

  test('one alone has failed, be it the only one of its pool', () => {
    online = 1;
    fall('a');
    expect(judge()).toEqual([]);
    expect(held('a')).toEqual([]);
  });

  test('both of two are a mass', () => {
    online = 2;
    fall('a', 'b');
    judge();
    expect(held('a', 'b')).toEqual(['a', 'b']);
  });

  test('another pool is not concerned', () => {
    fall('a', 'b', 'c', 'd');
    mass.fell('other', 'edge', now);
    mass.judge(() => 6);
    expect(held('a', 'other')).toEqual(['a']);
  });

  test('who was silent long before is no part of it', () => {
    fall('a', 'b', 'c');
    judge();
    now += 3_600_000;
    fall('d');
    expect(judge()).toEqual([]);
  });

  test('who is said to be silent again fell silent once', () => {
    fall('a', 'b', 'c');
    judge();
    now += 3_600_000;
    for (const executor of ['a', 'b', 'c']) mass.fell(executor, 'default', now);
    fall('d');
    expect(judge()).toEqual([]);
  });
});

describe('a mass silence is over', () => {
  beforeEach(() => {
    fall('a', 'b', 'c', 'd');
    judge();
  });

  test('after massLossAfter, not before', () => {
    now += MASS_LOSS_AFTER_MS - 1;
    expect(held('a', 'd')).toEqual(['a', 'd']);
    now += 1;
    expect(held('a', 'd')).toEqual([]);
  });

  test('when one of them is heard, and the others had 10 s to follow', () => {
    now += 20_000;
    mass.heard('a', now);
    expect(held('a', 'b', 'c')).toEqual(['b', 'c']);
    now += 9_999;
    mass.heard('b', now);
    expect(held('c', 'd')).toEqual(['c', 'd']);
    now += 1;
    expect(held('c', 'd')).toEqual([]);
  });

  test('that is no reason to wait for longer than massLossAfter', () => {
    now += MASS_LOSS_AFTER_MS - 1_000;
    mass.heard('a', now);
    now += 1_000;
    expect(held('b')).toEqual([]);
  });

  test('another executor that is heard says nothing of them', () => {
    mass.heard('x', now);
    now += 30_000;
    expect(held('a')).toEqual(['a']);
  });

  test('who falls silent with them, and is seen later, has its own time', () => {
    now += 9_000;
    fall('e');
    expect(judge()).toEqual([]);
    now += MASS_LOSS_AFTER_MS - 9_000;
    expect(held('a', 'e')).toEqual(['e']);
    mass.heard('b', now);
    expect(held('e')).toEqual(['e']);
    now += 10_000;
    expect(held('e')).toEqual([]);
  });

  test('who falls silent later has failed alone: churn does not prolong it', () => {
    now += 11_000;
    fall('e');
    expect(judge()).toEqual([]);
    expect(held('a', 'e')).toEqual(['a']);
  });

  test('a second one while the others are waited for has its own time', () => {
    now += 20_000;
    for (const executor of ['a', 'b', 'c']) mass.heard(executor, now);
    online += 3;
    now += 5_000;
    fall('a', 'b', 'c', 'e');
    expect(judge()).toEqual([{ pool: 'default', silent: 4, of: 9 }]);
    now += 5_000;
    expect(held('a', 'b', 'c', 'd', 'e')).toEqual(['a', 'b', 'c', 'e']);
    now += 54_999;
    expect(held('a', 'e')).toEqual(['a', 'e']);
  });

  test('all counts begin anew when we stood still', () => {
    now += 20_000;
    mass.heard('a', now);
    now += 3_600_000;
    mass.restart(now);
    expect(held('b')).toEqual(['b']);
    now += 10_000;
    expect(held('b')).toEqual([]);
  });

  test('when nobody is known any more', () => {
    mass.forget();
    expect(held('a')).toEqual([]);
    fall('a');
    expect(judge()).toEqual([]);
  });

  test('and may begin anew', () => {
    now += MASS_LOSS_AFTER_MS;
    for (const executor of ['a', 'b', 'c', 'd']) mass.heard(executor, now);
    online = 10;
    fall('a', 'b', 'c', 'd');
    expect(judge()).toHaveLength(1);
    expect(held('a')).toEqual(['a']);
  });
});
