import fc from 'fast-check';
import { type CommandPayload, decodeCommand, encodeCommand } from './command.js';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPES, JOB_KINDS, RUN_STATES, type RunEvent } from '#core';
import { type HintFacts, MAX_HINT_PARAMS_BYTES, decodeHint, encodeHint } from './hint.js';
import {
  type ExecutorBirth,
  decodeExecutorPresence,
  decodeSchedulerPresence,
  encodePresence,
} from './presence.js';
import { decodeSegment, encodeSegment } from './segment.js';

const text = fc.string({ unit: 'binary', maxLength: 30 });
const name = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 30 });
const time = fc.nat(4_102_444_800_000);
const optional = fc.option;

const birth: fc.Arbitrary<ExecutorBirth> = fc.record({
  v: fc.constant(1 as const),
  state: fc.constant('birth' as const),
  session: text,
  incarnation: optional(fc.nat()),
  cluster: optional(text),
  name: text,
  version: text,
  pool: name,
  slots: fc.nat(),
  labels: fc.dictionary(name, text, { maxKeys: 4 }),
  capabilities: fc.array(text, { maxLength: 4 }),
  draining: fc.boolean(),
});

describe('presence', () => {
  test('comes back as it went, as text and as bytes', () => {
    fc.assert(
      fc.property(birth, text, (of, session) => {
        const sent = encodePresence(of);
        expect(decodeExecutorPresence(sent)).toEqual(JSON.parse(sent));
        expect(decodeExecutorPresence(Buffer.from(sent))).toEqual(JSON.parse(sent));
        const scheduler = { v: 1, state: 'birth', session, life: of.name } as const;
        expect(decodeSchedulerPresence(encodePresence(scheduler))).toEqual(scheduler);
        const death = { v: 1, state: 'death', session } as const;
        expect(decodeSchedulerPresence(encodePresence(death))).toEqual(death);
        const lifeless = JSON.stringify({ v: 1, state: 'birth', session });
        expect(decodeSchedulerPresence(lifeless)).toBeUndefined();
        expect(decodeExecutorPresence(encodePresence({ v: 1, state: 'death', session }))).toEqual({
          v: 1,
          state: 'death',
          session,
        });
      }),
    );
  });

  test('lacks nothing: without any of its fields it is no birth', () => {
    fc.assert(
      fc.property(birth, (of) => {
        for (const key of Object.keys(of)) {
          const { [key as keyof ExecutorBirth]: gone, ...rest } = of;
          void gone;
          expect(decodeExecutorPresence(JSON.stringify(rest))).toBeUndefined();
        }
        expect(decodeExecutorPresence(JSON.stringify({ ...of, more: 1 }))).toBeDefined();
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ['an incarnation that no column holds', { incarnation: 2 ** 31 }],
    ['a negative incarnation', { incarnation: -1 }],
    ['half a slot', { slots: 1.5 }],
    ['more slots than a column holds', { slots: 2 ** 31 }],
    ['a pool that parts columns', { pool: 'a\u001eb' }],
    ['a pool with a NUL', { pool: 'a\u0000' }],
    ['a pool without a name', { pool: '' }],
    ['labels that are a list', { labels: [] }],
    ['a label that is no text', { labels: { a: 1 } }],
    ['another version', { v: 2 }],
    ['another state', { state: 'dead' }],
  ])('%s is no birth', (_, wrong) => {
    const [of] = fc.sample(birth, { numRuns: 1, seed: 1 });
    expect(decodeExecutorPresence(JSON.stringify(of))).toBeDefined();
    expect(decodeExecutorPresence(JSON.stringify({ ...of, ...wrong }))).toBeUndefined();
  });

  test('garbage is none, of any size', () => {
    const large = `{"v":1,"state":"death","session":"${'x'.repeat(10_000_000)}"}`;
    for (const bad of ['', 'null', '[]', '7', '{', '{"__proto__":{"v":1}}', large]) {
      expect(decodeExecutorPresence(bad)).toBeUndefined();
      expect(decodeSchedulerPresence(Buffer.from(bad))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.json(), (any) => {
        expect(decodeExecutorPresence(any)).toBeUndefined();
        expect(decodeSchedulerPresence(any)).toBeUndefined();
      }),
    );
  });
});

const facts: fc.Arbitrary<HintFacts> = fc.record({
  id: fc.uuid(),
  partition: fc.nat(4_095),
  project: text,
  job: optional(text),
  jobVersion: optional(fc.nat()),
  spec: text,
  kind: fc.constantFrom(...JOB_KINDS),
  pool: text,
  need: text,
  priority: fc.integer({ min: 1, max: 10 }),
  due: optional(time),
  expires: optional(time),
  submittedAt: time,
  dedup: optional(fc.uuid()),
  cache: optional(fc.uuid()),
  params: optional(text, { nil: undefined }),
});

describe('a hint', () => {
  test('comes back as it went; a newer sender’s fields are ignored', () => {
    fc.assert(
      fc.property(facts, (of) => {
        const sent = encodeHint(of);
        expect(decodeHint(sent)).toEqual(of);
        expect(decodeHint(JSON.stringify([...(JSON.parse(sent) as unknown[]), 1]))).toEqual(of);
      }),
    );
  });

  test('leaves large params in the database', () => {
    const [of] = fc.sample(facts, { numRuns: 1, seed: 1 });
    const params = 'x'.repeat(MAX_HINT_PARAMS_BYTES + 1);
    expect(decodeHint(encodeHint({ ...(of as HintFacts), params }))?.params).toBeUndefined();
    const wide = 'ü'.repeat(MAX_HINT_PARAMS_BYTES / 2 + 1);
    expect(decodeHint(encodeHint({ ...(of as HintFacts), params: wide }))?.params).toBeUndefined();
  });

  test('lacks nothing, and names a run', () => {
    fc.assert(
      fc.property(facts, fc.nat(12), (of, at) => {
        const fields = JSON.parse(encodeHint(of)) as unknown[];
        const wrong = fields.with(at, { not: 'this' });
        expect(decodeHint(JSON.stringify(wrong))).toBeUndefined();
        expect(decodeHint(JSON.stringify(fields.slice(0, 12)))).toBeUndefined();
        expect(decodeHint(JSON.stringify(fields.with(0, 'no id')))).toBeUndefined();
        expect(decodeHint(JSON.stringify(fields.with(6, 'NO_KIND')))).toBeUndefined();
      }),
      { numRuns: 50 },
    );
    for (const bad of ['', 'null', '{}', '[]', '["', 'x'.repeat(1_000_000)]) {
      expect(decodeHint(bad)).toBeUndefined();
    }
    fc.assert(fc.property(fc.json(), (any) => decodeHint(any) === undefined));
  });
});

const said = { reason: text, by: text };
const command: fc.Arbitrary<CommandPayload> = fc.oneof(
  fc.record({
    kind: fc.constant('cancel' as const),
    ...said,
    graceMs: optional(fc.nat()),
    force: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const), ...said }),
  fc.record({
    kind: fc.constant('update' as const),
    ...said,
    change: fc.record(
      { priority: fc.nat(), at: fc.nat(), afterMs: fc.nat(), params: text, labels: text },
      { requiredKeys: [] },
    ),
  }),
  fc.record({
    kind: fc.constant('mark' as const),
    ...said,
    as: fc.constantFrom('SUCCEEDED' as const, 'SKIPPED' as const),
    result: optional(text),
  }),
);

test('a command comes back as it went; garbage is none', () => {
  fc.assert(
    fc.property(command, (of) => {
      expect(decodeCommand(encodeCommand(of))).toEqual(of);
    }),
  );
  fc.assert(fc.property(fc.json(), (any) => decodeCommand(any) === undefined));
  const wrong = [
    ...['', 'null', '[]', '{"reason":1}', '{"reason":"","by":""}'],
    '{"reason":"","by":"","kind":"mark","as":"DEAD","result":null}',
    '{"reason":"","by":"","kind":"update","change":{"priority":"1"}}',
  ];
  for (const bad of wrong) expect(decodeCommand(bad)).toBeUndefined();
});

const state = fc.option(fc.constantFrom(...RUN_STATES));
const event: fc.Arbitrary<Omit<RunEvent, 'seq'>> = fc.record({
  at: time,
  type: fc.constantFrom(...EVENT_TYPES),
  run: text,
  project: text,
  job: optional(text),
  from: state,
  to: state,
  attempt: fc.nat(),
  executor: optional(text),
  actor: optional(text),
  data: optional(fc.dictionary(name, text, { maxKeys: 3 })),
});

describe('a segment', () => {
  test('comes back as it went, its events numbered from its first', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), fc.nat(), (events, first) => {
        const numbered = events.map((each, i) => ({ ...each, seq: first + i }));
        const sent = encodeSegment(numbered);
        const plain = JSON.parse(JSON.stringify(numbered)) as unknown;
        expect(JSON.parse(JSON.stringify(decodeSegment(sent, first)))).toEqual(plain);
      }),
    );
  });

  test('says of data that is too large that it is cut', () => {
    const [one] = fc.sample(event, { numRuns: 1, seed: 1 });
    const large = { ...(one as RunEvent), seq: 1, data: { text: 'x'.repeat(5_000) } };
    expect(decodeSegment(encodeSegment([large]), 1)[0]?.data).toEqual({ truncated: true });
  });

  test('of another version is refused by its number', () => {
    expect(() => decodeSegment('[2,0,[],[]]', 1)).toThrow('version 2');
  });
});
