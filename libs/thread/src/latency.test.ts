import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Latency } from './latency.js';

test('tells how long the latest took, and forgets those before', () => {
  const latency = new Latency();
  expect(latency.quantile(0.99)).toBeNull();
  latency.add(5);
  expect([latency.quantile(0.5), latency.quantile(0.99)]).toEqual([5, 5]);
  for (let ms = 1; ms <= 256; ms++) latency.add(ms);
  expect([latency.quantile(0.5), latency.quantile(0.99)]).toEqual([129, 254]);
  for (let i = 0; i < 256; i++) latency.add(1);
  expect(latency.quantile(0.99)).toBe(1);
});

test('is what a sort of the latest says', () => {
  const durations = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 900 });
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (all, p) => {
      const latency = new Latency();
      for (const ms of all) latency.add(ms);
      const sorted = all.slice(-256).sort((a, b) => a - b);
      const place = Math.min(sorted.length - 1, Math.floor(sorted.length * p));
      expect(latency.quantile(p)).toBe(sorted[place]);
    }),
  );
});
