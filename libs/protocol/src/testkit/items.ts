import fc from 'fast-check';
import { OUTCOMES } from '#core';
import type { Beat, Soft } from '../soft.js';
import type { Down } from '../down.js';
import type { Live } from '../live.js';
import type { LogChunk } from '../log.js';
import type { Up } from '../up.js';

/** Anything that an item of each kind may hold: one arbitrary a kind, so that none is left out. */
type Every<I extends { readonly kind: string }> = {
  readonly [K in I['kind']]: fc.Arbitrary<Omit<Extract<I, { kind: K }>, 'kind'>>;
};

const text = fc.string({ unit: 'binary', maxLength: 40 });
const integer = fc.maxSafeInteger();
// JSON knows no negative nought.
const real = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value);
const list = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(value, { maxLength: 4 });

const place = fc.record({ epoch: integer, seq: integer });
const token = fc.record({
  run: text,
  attempt: integer,
  executor: text,
  incarnation: integer,
  epoch: integer,
  seq: integer,
});
const from = { partition: integer, epoch: integer, floor: place };
const error = fc.record({
  class: text,
  message: text,
  code: optional(text),
  stack: optional(text),
  retryMs: optional(real),
});
const work = fc.record({
  kind: text,
  spec: text,
  params: optional(text),
  project: text,
  job: text,
  timeoutMs: real,
  graceMs: real,
  heartbeatMs: optional(real),
  stopAfterMs: optional(real),
});

const DOWN: Every<Down> = {
  assign: fc.record({ ...from, token, work }),
  cancel: fc.record({ ...from, token, graceMs: real, why: text }),
  freeze: fc.record({ ...from, token, on: fc.boolean(), seq: integer }),
  ack: fc.record({ ...from, token, of: fc.constantFrom('result', 'bounce') }),
  digested: fc.record({ ...from, watermark: place }),
  askDigest: fc.record(from),
  owners: fc.record({
    owners: list(fc.record({ partition: integer, thread: text, epoch: integer })),
  }),
  beat: fc.record({ n: integer, at: real }),
  welcome: fc.record({ cluster: text, incarnation: integer }),
  rebirth: fc.record({}),
};

const phase = fc.constantFrom('accepted', 'started', 'ended');
const UP: Every<Up> = {
  claimed: fc.record({ partition: integer, token }),
  started: fc.record({ partition: integer, token, agoMs: real }),
  progress: fc.record({ partition: integer, token, percent: optional(real), message: text }),
  result: fc.record({
    partition: integer,
    token,
    outcome: fc.constantFrom(...OUTCOMES),
    startedAgoMs: optional(real),
    finishedAgoMs: real,
    exitCode: optional(integer),
    signal: optional(text),
    result: optional(text),
    error: optional(error),
    cpuMs: optional(real),
    memoryPeakBytes: optional(real),
  }),
  bounce: fc.record({ partition: integer, token, reason: text }),
  froze: fc.record({ partition: integer, token, seq: integer }),
  digest: fc.record({
    partition: integer,
    incarnation: integer,
    watermark: place,
    entries: list(fc.record({ token, phase })),
  }),
};

const answer = { pool: text, run: text, executor: text };
const SOFT: Every<Soft> = {
  submitted: fc.record({ partition: integer, row: text }),
  nudge: fc.record({ partition: integer }),
  offer: fc.record({
    pool: text,
    need: text,
    partition: integer,
    run: text,
    rank: real,
    avoid: text,
  }),
  withdraw: fc.record({ pool: text, need: text, run: text }),
  match: fc.record({ pool: text, partition: integer, run: text, executor: text }),
  granted: fc.record(answer),
  declined: fc.record(answer),
  bounced: fc.record(answer),
  freed: fc.record(answer),
  owned: fc.record({ partition: integer, thread: text, epoch: integer }),
  free: fc.record({ thread: text }),
  left: fc.record({ thread: text }),
};

const LIVE: Every<Live> = {
  segment: fc.record({ partition: integer, seq: integer, n: integer, events: text }),
  heads: fc.record({ heads: list(fc.record({ partition: integer, seq: integer })) }),
  want: fc.record({ partitions: list(integer) }),
};

const BEAT: Every<Beat> = {
  beat: fc.record({
    session: text,
    incarnation: optional(integer),
    n: integer,
    slots: integer,
    busy: integer,
  }),
};

const LOG: Every<LogChunk> = {
  chunk: fc.record({
    partition: integer,
    run: text,
    attempt: integer,
    stream: fc.constantFrom('stdout', 'stderr', 'log'),
    offset: integer,
    project: text,
    day: text,
    body: text,
  }),
};

export const ITEMS = { down: DOWN, up: UP, soft: SOFT, live: LIVE, beat: BEAT, log: LOG } as const;
export type CodecName = keyof typeof ITEMS;

/** Every kind of a codec, with what an item of it may be. */
export function kindsOf(name: CodecName): (readonly [string, fc.Arbitrary<object>])[] {
  return Object.entries(ITEMS[name]).map(([kind, fields]) => [
    kind,
    (fields as fc.Arbitrary<object>).map((of) => ({ ...of, kind })),
  ]);
}
