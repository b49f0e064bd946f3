import { type ItemOf, codec, integer, optional, real, text } from './codec.js';

/** Between gateways and threads, and between threads: hints and soft facts, lost without harm. */
const table = {
  /** A row of `live` that was just written; `row` as the intake answered it (JSON text). */
  submitted: { letter: 's', fields: { partition: integer, row: text } },
  /** There is something in the inbox of this partition. */
  nudge: { letter: 'n', fields: { partition: integer } },
  /** A run of this partition is READY and wants an executor of the pool. */
  offer: {
    letter: 'o',
    fields: { pool: text, need: text, partition: integer, run: text, rank: real, avoid: text },
  },
  /** The run no longer wants one. */
  withdraw: { letter: 'w', fields: { pool: text, need: text, run: text } },
  /** The pool's answer to an offer. */
  match: { letter: 'm', fields: { pool: text, partition: integer, run: text, executor: text } },
  /** The partition's answer to a match. */
  granted: { letter: 'g', fields: { pool: text, run: text, executor: text } },
  declined: { letter: 'd', fields: { pool: text, run: text, executor: text } },
  /** The executor could not take it now: it is full or going. */
  bounced: { letter: 'b', fields: { pool: text, run: text, executor: text } },
  /** An attempt has ended: its slot is free. */
  freed: { letter: 'f', fields: { pool: text, run: text, executor: text } },
  /** Who owns the partition from this epoch on. What was said to the one before is said again. */
  owned: { letter: 'p', fields: { partition: integer, thread: text, epoch: integer } },
  /** This thread has let go of something: who should have it may look at once. */
  free: { letter: 'l', fields: { thread: text } },
  /** This thread is no member any more: whatever it has yet may be claimed. */
  left: { letter: 'x', fields: { thread: text } },
} as const;
export type Soft = ItemOf<typeof table>;
export const softCodec = codec(table);

const beatTable = {
  beat: {
    letter: 'b',
    fields: {
      session: text,
      incarnation: optional(integer),
      n: integer,
      slots: integer,
      busy: integer,
    },
  },
} as const;
export type Beat = ItemOf<typeof beatTable>;
export const beatCodec = codec(beatTable);
