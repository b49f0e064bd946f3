import { describe, expect, test } from 'vitest';
import { changesBetween } from './changes.js';

describe('changes between two values', () => {
  test('name each path, and leave out the side where nothing stands', () => {
    const from = { kind: 'shell', command: 'a', retry: { maxAttempts: 3 }, list: [1, 2], same: {} };
    const to = { kind: 'shell', command: 'b', retry: { delay: '1s' }, list: [1, 3, 4], same: {} };
    expect(changesBetween(from, to)).toEqual([
      { path: 'command', from: 'a', to: 'b' },
      { path: 'retry.maxAttempts', from: 3 },
      { path: 'retry.delay', to: '1s' },
      { path: 'list.1', from: 2, to: 3 },
      { path: 'list.2', to: 4 },
    ]);
  });

  test('a change of kind is one change', () => {
    expect(changesBetween({ a: [1] }, { a: { 0: 1 } })).toEqual([
      { path: 'a', from: [1], to: { 0: 1 } },
    ]);
    expect(changesBetween({ a: null }, { a: {} })).toEqual([{ path: 'a', from: null, to: {} }]);
  });

  test('equal values have none, big integers included', () => {
    const value = (): object => ({ a: [{ b: 90071992547409931n }] });
    expect(changesBetween(value(), value())).toEqual([]);
    expect(changesBetween({}, { constructor: 1 })).toEqual([{ path: 'constructor', to: 1 }]);
  });
});
