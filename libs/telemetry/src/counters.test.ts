import { expect, it } from 'vitest';
import { createCounters } from './counters.js';

it('counts by name and shows all, sorted', () => {
  const { counter, snapshot } = createCounters();
  counter('runs_done').add(2);
  counter('grants_sent').add();
  counter('runs_done').add();
  counter('never');
  expect(counter('runs_done').value()).toBe(3);
  expect(Object.entries(snapshot())).toEqual([
    ['grants_sent', 1],
    ['never', 0],
    ['runs_done', 3],
  ]);
});

it('gives a snapshot that later counts do not change', () => {
  const { counter, snapshot } = createCounters();
  counter('a').add();
  const before = snapshot();
  counter('a').add();
  expect(before).toEqual({ a: 1 });
});

it.each([-1, 0.5, Number.NaN])('does not grow by %d', (count) => {
  expect(() => createCounters().counter('a').add(count)).toThrow(RangeError);
});

it.each(['', 'With Space', '9lives'])('refuses the name %j', (name) => {
  expect(() => createCounters().counter(name)).toThrow(RangeError);
});
