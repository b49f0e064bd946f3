import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Codec } from './codec.js';
import { codec, text } from './codec.js';
import { type Down, downCodec } from './down.js';
import { MAX_MESSAGE_BYTES, decodeEnvelope, encodeEnvelope } from './envelope.js';
import { liveCodec } from './live.js';
import { logCodec } from './log.js';
import { beatCodec, softCodec } from './soft.js';
import { type CodecName, kindsOf } from './testkit/items.js';
import { upCodec } from './up.js';

const CODECS: Readonly<Record<CodecName, unknown>> = {
  down: downCodec,
  up: upCodec,
  soft: softCodec,
  live: liveCodec,
  beat: beatCodec,
  log: logCodec,
};
const names = Object.keys(CODECS) as CodecName[];
const codecOf = (name: CodecName): Codec<object> => CODECS[name] as Codec<object>;
const every = names.flatMap((name) => kindsOf(name).map(([kind, item]) => ({ name, kind, item })));
const wire = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

test('an owner that knows no stopAfter has none', () => {
  const golden = join(import.meta.dirname, '..', 'golden', 'down.json');
  const examples = JSON.parse(readFileSync(golden, 'utf8')) as { readonly item: Down }[];
  const item = examples.map((each) => each.item).find(({ kind }) => kind === 'assign') as Down;
  const sent = downCodec.encode(item);
  (sent.at(-1) as unknown[]).pop();
  expect(downCodec.decode(sent)).toEqual({
    ...item,
    work: { ...('work' in item ? item.work : {}), stopAfterMs: null },
  });
});

describe.each(every)('$name $kind', ({ name, item }) => {
  const of = codecOf(name);

  test('comes back as it went, in an envelope as alone', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 3 }), fc.string(), (items, session) => {
        for (const each of items) expect(of.decode(wire(of.encode(each)))).toEqual(each);
        const envelope = { sender: 'x1', session, items };
        const encoded = encodeEnvelope(of, envelope);
        expect(decodeEnvelope(of, encoded)).toEqual({ ok: true, envelope });
        expect(decodeEnvelope(of, Buffer.from(encoded))).toEqual({ ok: true, envelope });
      }),
      { numRuns: 50 },
    );
  });

  test('a newer sender’s further fields are ignored, a missing one is refused', () => {
    fc.assert(
      fc.property(item, fc.jsonValue(), (each, more) => {
        const sent = of.encode(each);
        expect(of.decode(wire([...sent, more]))).toEqual(each);
        // What is optional at the end may be left out; nothing before it.
        const isOptional = sent.at(-1) === null;
        if (sent.length > 1 && !isOptional && typeof sent.at(-1) !== 'object') {
          const cut = of.decode(wire(sent.slice(0, -1)));
          expect(cut === undefined || lastIsNull(cut)).toBe(true);
        }
        if (sent.length > 2) expect(of.decode(wire(sent.slice(0, 2)))).toBeUndefined();
      }),
      { numRuns: 25 },
    );
  });
});

const lastIsNull = (item: object): boolean => Object.values(item).some((value) => value === null);

/** Nearly right: letters that are known, before anything at all. */
const letters = [...Array.from('abcdefghklmnopqrstwx'), '__proto__', 'constructor', 'toString', ''];
const nearly = fc
  .tuple(fc.constantFrom<unknown>(...letters, null, 0), fc.array(fc.jsonValue(), { maxLength: 9 }))
  .map(([letter, fields]) => [letter, ...fields]);

describe.each(names)('%s: what is no item', (name) => {
  const of = codecOf(name);

  test('never throws, and what is taken says the same when it is sent again', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, fc.jsonValue()), (value) => {
        const item = of.decode(wire(value));
        if (item === undefined) return;
        expect(of.decode(wire(of.encode(item)))).toEqual(item);
        expect(Object.getPrototypeOf(item)).toBe(Object.prototype);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['not-json', 'no json'],
    ['not-json', '{"'],
    ['not-json', ''],
    ['wrong-schema', '{"__proto__":{"items":[]}}'],
    ['wrong-schema', 'null'],
    ['wrong-schema', '[1,"x1","s",{}]'],
    ['wrong-schema', '[1,"x1","s"]'],
    ['wrong-schema', '[1,null,"s",[]]'],
    ['wrong-schema', '[1,"x1",7,[]]'],
    ['wrong-schema', '[1,"x1","s",[["__proto__"]]]'],
    ['wrong-schema', '[1,"x1","s",[[["s"]]]]'],
    ['wrong-schema', '[1,"x1","s",["s"]]'],
    ['unknown-version', '[2,"x1","s",[]]'],
    ['unknown-version', '["1","x1","s",[]]'],
    ['unknown-version', '[]'],
    ['too-large', `[1,"x1","s",["${'x'.repeat(10_000_000)}"]]`],
    ['too-large', ' '.repeat(MAX_MESSAGE_BYTES + 1)],
  ])('%s', (why, payload) => {
    expect(decodeEnvelope(of, payload)).toEqual({ ok: false, why });
    expect(decodeEnvelope(of, Buffer.from(payload))).toEqual({ ok: false, why });
  });

  test('deep nests and broken UTF-8 are refused as well', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(decodeEnvelope(of, deep).ok).toBe(false);
    expect(decodeEnvelope(of, Buffer.from([0xff, 0xfe, 0x5b, 0x31]))).toEqual({
      ok: false,
      why: 'not-json',
    });
  });

  test('one bad item spoils its message: it is taken whole or not at all', () => {
    fc.assert(
      fc.property(fc.oneof(...kindsOf(name).map(([, item]) => item)), (item) => {
        const sent = JSON.stringify([1, 'x1', 's', [of.encode(item), ['?']]]);
        expect(decodeEnvelope(of, sent)).toEqual({ ok: false, why: 'wrong-schema' });
      }),
      { numRuns: 20 },
    );
  });
});

test('two kinds with one letter are a bug, found at once', () => {
  const a = { letter: 'a', fields: { text } };
  expect(() => codec({ one: a, two: a })).toThrow('share the letter a');
});
