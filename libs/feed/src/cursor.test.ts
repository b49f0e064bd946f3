import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cursor, CursorCodec } from './cursor.js';

const LIFE = '0f8fad5b-d9cb-469f-a165-70867728950e';
const codec = new CursorCodec(LIFE);
const HEAD = [0x0f, 0x8f, 0xad, 0x5b, 0xd9, 0xcb];
const bytes = (...all: number[]): string => Buffer.from(all).toString('base64url');
const BAD = { ok: false, error: { kind: 'BAD_CURSOR' } };

const seq = fc.oneof(fc.nat(), fc.maxSafeNat());
const cursor: fc.Arbitrary<Cursor> = fc.oneof(
  fc.record({ kind: fc.constant('one' as const), partition: fc.nat(4_095), seq }),
  fc.record({
    kind: fc.constant('all' as const),
    heads: fc.array(seq, { minLength: 1, maxLength: 200 }),
  }),
);

describe('a cursor', () => {
  it('comes back as it was, in a text that a URL takes', () => {
    fc.assert(
      fc.property(cursor, (original) => {
        const text = codec.encode(original);
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(codec.decode(text)).toEqual({ ok: true, cursor: original });
      }),
    );
  });

  it('is made as these tests make theirs', () => {
    const made = codec.encode({ kind: 'one', partition: 1, seq: 130 });
    expect(made).toBe(bytes(1, 1, ...HEAD, 1, 130, 1));
  });

  it('is short: of one run, and of 64 partitions with a million events each', () => {
    expect(codec.encode({ kind: 'one', partition: 63, seq: 1_000_000 })).toHaveLength(16);
    const heads = Array.from({ length: 64 }, () => 1_000_000);
    expect(codec.encode({ kind: 'all', heads }).length).toBeLessThan(280);
  });

  it('of a restored cluster has expired', () => {
    const before = new CursorCodec('7c9e6679-7425-40de-944b-e07fc1f90ae7');
    const text = before.encode({ kind: 'one', partition: 1, seq: 2 });
    expect(codec.decode(text)).toEqual({ ok: false, error: { kind: 'CURSOR_EXPIRED' } });
  });

  it.each([
    ['nothing', ''],
    ['too little', 'AQE'],
    ['another alphabet', 'AQEP+K1b2csBAg=='],
    ['another version', bytes(9, 1, ...HEAD, 1, 2)],
    ['another kind', bytes(1, 7, ...HEAD, 1, 2)],
    ['too much', `${codec.encode({ kind: 'one', partition: 1, seq: 2 })}AA`],
    ['a number in more bytes than it needs', bytes(1, 1, ...HEAD, 1, 130, 0)],
    ['a partition that cannot be', codec.encode({ kind: 'one', partition: 4_096, seq: 1 })],
    ['no partition', codec.encode({ kind: 'all', heads: [] })],
    ['more than there can be', 'A'.repeat(60_000)],
  ])('of %s is bad', (_, text) => {
    expect(codec.decode(text)).toEqual(BAD);
  });

  it('any text is an answer, never a throw; what decodes is what was encoded', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 40 }).map((all) => bytes(...all)),
      fc.tuple(cursor, fc.nat(), fc.nat(255)).map(([original, at, byte]) => {
        const whole = Buffer.from(codec.encode(original), 'base64url');
        whole[at % whole.length] = byte;
        return whole.toString('base64url');
      }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const decoded = codec.decode(text);
        if (decoded.ok) expect(codec.encode(decoded.cursor)).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  it('a truncated one is bad', () => {
    const whole = Buffer.from(codec.encode({ kind: 'all', heads: [300, 400, 500] }), 'base64url');
    for (let length = 0; length < whole.length; length++) {
      expect(codec.decode(whole.subarray(0, length).toString('base64url'))).toEqual(BAD);
    }
  });
});
