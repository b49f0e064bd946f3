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
