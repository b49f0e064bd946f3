import type { Place, Token } from '#core';
import { type Field, integer, optional, real, text, tuple } from './codec.js';

export const token: Field<Token> = tuple('token', {
  run: text,
  attempt: integer,
  executor: text,
  incarnation: integer,
  epoch: integer,
  seq: integer,
});

export const place: Field<Place> = tuple('place', { epoch: integer, seq: integer });

export const runError = tuple('error', {
  class: text,
  message: text,
  code: optional(text),
  stack: optional(text),
  /** When it wants to be tried again: ms, -1 for never, null for as its policy says. */
  retryMs: optional(real),
});
export type WireError = NonNullable<ReturnType<typeof runError.read>>;

/** What an executor needs to run an attempt; `spec`, `params` are JSON texts. */
export const work = tuple('work', {
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
export type Work = NonNullable<ReturnType<typeof work.read>>;
