import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.js';

const known = ['ORRERY_PORT', 'ORRERY_HOST', 'ORRERY_HOME', 'ORRERY_PARTITIONS'];

describe('nearest', () => {
  it.each([
    ['ORRERY_PROT', 'ORRERY_PORT'],
    ['orrery_port', 'ORRERY_PORT'],
    ['ORRERY_PARTITION', 'ORRERY_PARTITIONS'],
    ['ORRERY_HOMES', 'ORRERY_HOME'],
  ])('%s is probably %s', (word, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });

  it('stays silent when nothing is close', () => {
    expect(nearest('zebra', known)).toBeUndefined();
    expect(nearest('ORRERY_PORT', [])).toBeUndefined();
  });

  it('finds a known word itself', () => {
    fc.assert(
      fc.property(fc.constantFrom(...known), (word) => {
        expect(nearest(word, known)).toBe(word);
      }),
    );
  });

  it('counts a swap of neighbours as one slip', () => {
    expect(nearest('abdc', ['abxx', 'abcd'])).toBe('abcd');
  });
});
