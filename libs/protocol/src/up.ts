import { OUTCOMES } from '#core';
import { type ItemOf, codec, integer, list, optional, real, text, tuple, word } from './codec.js';
import { place, runError, token } from './fields.js';

const entry = tuple('entry', { token, phase: word('accepted', 'started', 'ended') });

const table = {
  claimed: { letter: 'c', fields: { partition: integer, token } },
  started: { letter: 's', fields: { partition: integer, token, agoMs: real } },
  progress: {
    letter: 'p',
    fields: { partition: integer, token, percent: optional(real), message: text },
  },
  /** Durations on the wire, never absolute times (2.6). `result` is JSON text. */
  result: {
    letter: 'r',
    fields: {
      partition: integer,
      token,
      outcome: word(...OUTCOMES),
      startedAgoMs: optional(real),
      finishedAgoMs: real,
      exitCode: optional(integer),
      signal: optional(text),
      result: optional(text),
      error: optional(runError),
      cpuMs: optional(real),
      memoryPeakBytes: optional(real),
    },
  },
  bounce: { letter: 'b', fields: { partition: integer, token, reason: text } },
  /** What the owner said at `seq`, that it stops or goes on, is so. */
  froze: { letter: 'z', fields: { partition: integer, token, seq: integer } },
  /** All of this partition the executor holds; a promise to refuse the rest up to it (§6). */
  digest: {
    letter: 'd',
    fields: {
      partition: integer,
      incarnation: integer,
      watermark: place,
      entries: list(entry, 100_000),
    },
  },
} as const;

export type Up = ItemOf<typeof table>;
export type ResultReport = Extract<Up, { kind: 'result' }>;
export const upCodec = codec(table);
