import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Codec } from './codec.js';
import { downCodec } from './down.js';
import { decodeEnvelope, encodeEnvelope } from './envelope.js';
import { type HintFacts, decodeHint, encodeHint } from './hint.js';
import { liveCodec } from './live.js';
import { logCodec } from './log.js';
import { type ExecutorBirth, decodeExecutorPresence, encodePresence } from './presence.js';
import { decodeSegment, encodeSegment } from './segment.js';
import { beatCodec, softCodec } from './soft.js';
import { type CodecName, kindsOf } from './testkit/items.js';
import { upCodec } from './up.js';

/**
 * The exact text on the wire, one example a kind: other implementations hold themselves against it.
 * A line that changes here changes the wire of every executor that is out there.
 */
interface Golden {
  readonly what: string;
  readonly item: { readonly kind: string };
  readonly wire: string;
}

const folder = join(import.meta.dirname, '..', 'golden');
const read = <T>(file: string): T =>
  JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')) as T;

const CODECS: Readonly<Record<CodecName, unknown>> = {
  down: downCodec,
  up: upCodec,
  soft: softCodec,
  live: liveCodec,
  beat: beatCodec,
  log: logCodec,
};

describe.each(Object.keys(CODECS) as CodecName[])('%s', (name) => {
  const of = CODECS[name] as Codec<{ readonly kind: string }>;
  const examples = read<Golden[]>(name);

  test('has an example of each kind, and of no other', () => {
    const kinds = kindsOf(name).map(([kind]) => kind);
    expect(new Set(examples.map((each) => each.item.kind))).toEqual(new Set(kinds));
  });

  test.each(examples)('$what', ({ item, wire }) => {
    const envelope = { sender: 'sender', session: 'session', items: [item] };
    expect(encodeEnvelope(of, envelope)).toBe(wire);
    expect(decodeEnvelope(of, wire)).toEqual({ ok: true, envelope });
  });
});

interface Texts {
  readonly birth: { readonly of: ExecutorBirth; readonly wire: string };
  readonly hint: { readonly of: HintFacts; readonly wire: string };
  readonly segment: {
    readonly first: number;
    readonly of: Parameters<typeof encodeSegment>[0];
    readonly wire: string;
  };
}

describe('texts', () => {
  const { birth, hint, segment } = read<Texts>('texts');

  test('a birth', () => {
    expect(encodePresence(birth.of)).toBe(birth.wire);
    expect(decodeExecutorPresence(birth.wire)).toEqual(birth.of);
  });

  test('a hint', () => {
    expect(encodeHint(hint.of)).toBe(hint.wire);
    expect(decodeHint(hint.wire)).toEqual(hint.of);
  });

  test('a segment', () => {
    expect(encodeSegment(segment.of)).toBe(segment.wire);
    expect(decodeSegment(segment.wire, segment.first)).toEqual(segment.of);
  });
});

test('every file is checked', () => {
  const known = [...Object.keys(CODECS), 'texts'].map((each) => `${each}.json`);
  expect(readdirSync(folder).toSorted()).toEqual(known.toSorted());
});
