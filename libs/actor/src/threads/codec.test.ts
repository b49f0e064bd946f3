import { describe, expect, it } from 'vitest';
import { Ref } from '../refs.js';
import { decode, encode } from './codec.js';

const address = { node: 'n', thread: 0, path: 'p', incarnation: 1 };
const ref = new Ref<never>(address, () => 'accepted');

describe('the codec', () => {
  const revive = ({ path }: { readonly path: string }) => `ref to ${path}`;

  it.each([
    { message: ref, arrives: 'ref to p', refs: 1 },
    { message: { a: 1, to: ref }, arrives: { a: 1, to: 'ref to p' }, refs: 1 },
    { message: [ref, 1, ref], arrives: ['ref to p', 1, 'ref to p'], refs: 2 },
    { message: { a: { b: 1 } }, arrives: { a: { b: 1 } }, refs: 0 },
    { message: 7, arrives: 7, refs: 0 },
    { message: null, arrives: null, refs: 0 },
  ])('carries refs over a clone, and leaves what was sent as it was', (example) => {
    const before = Object.values(example.message ?? {});
    const exported: unknown[] = [];
    const wire = structuredClone(encode(example.message, (one) => exported.push(one)));
    expect(Object.values(example.message ?? {})).toEqual(before);
    expect(decode(wire, revive)).toEqual(example.arrives);
    expect(exported.length).toBe(example.refs);
  });

  it('lets a ref that hides deeper fail to clone, instead of arriving dead', () => {
    const wire = encode({ deep: { ref } }, () => undefined);
    expect(() => structuredClone(wire)).toThrow('could not be cloned');
  });
});
