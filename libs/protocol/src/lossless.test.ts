import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, stringifyJson } from './lossless.js';

describe('lossless JSON', () => {
  it('keeps integers beyond 2^53, wherever they stand', () => {
    const text = '{"a":9007199254740993,"b":[-12345678901234567890,1],"9007199254740993":{"c":1}}';
    expect(stringifyJson(parseJson(text))).toBe(text);
    expect(parseJson(text)).toMatchObject({ a: 9007199254740993n });
  });

  it('leaves strings, short numbers and fractions as they are', () => {
    const text = '{"a":"9007199254740993","b":"x\\"9007199254740993","c":1.5,"d":9007199254740991}';
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it('reads and writes what JSON reads and writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text);
        const isExact = !/\d{16}/.test(text);
        if (isExact) expect(parseJson(text)).toEqual(value);
        expect(JSON.parse(stringifyJson(parseJson(text)))).toEqual(value);
      }),
    );
  });

  it('refuses what nobody could mean, in a time that grows with its length', () => {
    const long = `1234567890123456${'\\"'.repeat(256 * 1_024)}`;
    const began = performance.now();
    expect(() => parseJson(long)).toThrow(SyntaxError);
    expect(() => parseJson(`${long}\\`)).toThrow(SyntaxError);
    // Each quote looked behind anew took minutes.
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it('refuses what is no JSON', () => {
    expect(() => parseJson('{"a":9007199254740993')).toThrow(SyntaxError);
  });
});
