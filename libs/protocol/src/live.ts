import { type ItemOf, codec, integer, list, text, tuple } from './codec.js';

const head = tuple('head', { partition: integer, seq: integer });

/** What scheduler threads say to those who follow, and the other way round (architecture §8). */
const table = {
  /** One committed segment: its first seq, how many events, and the segment's text. */
  segment: { letter: 's', fields: { partition: integer, seq: integer, n: integer, events: text } },
  /** The newest committed seq of each partition of this thread. */
  heads: { letter: 'h', fields: { heads: list(head, 4_096) } },
  /** A gateway follows these partitions; said anew every two seconds. */
  want: { letter: 'w', fields: { partitions: list(integer, 4_096) } },
} as const;
export type Live = ItemOf<typeof table>;
export const liveCodec = codec(table);

export const LIVE = { restateMs: 2_000, lapseMs: 6_000 } as const;
