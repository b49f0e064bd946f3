import { type ItemOf, codec, flag, integer, list, real, text, tuple, word } from './codec.js';
import { place, token, work } from './fields.js';

/** Every message down carries its sender's epoch and floor for the partition it speaks for (§6). */
const from = { partition: integer, epoch: integer, floor: place } as const;

const owner = tuple('owner', { partition: integer, thread: text, epoch: integer });
export type Owner = NonNullable<ReturnType<typeof owner.read>>;

const table = {
  assign: { letter: 'a', fields: { ...from, token, work } },
  cancel: { letter: 'x', fields: { ...from, token, graceMs: real, why: text } },
  /** It stops where it is, or goes on. The newest `seq` counts, in whatever order they come. */
  freeze: { letter: 'z', fields: { ...from, token, on: flag, seq: integer } },
  /** `of` tells which report is acknowledged: an outbox entry leaves only by its own ack. */
  ack: { letter: 'k', fields: { ...from, token, of: word('result', 'bounce') } },
  /** The digest of this partition with this watermark was taken in. */
  digested: { letter: 'd', fields: { ...from, watermark: place } },
  /** The owner asks for a digest of this partition. */
  askDigest: { letter: 'q', fields: { ...from } },
  owners: { letter: 'o', fields: { owners: list(owner, 4_096) } },
  /** The answer to beat `n`; `at` is the sender's clock. */
  beat: { letter: 'h', fields: { n: integer, at: real } },
  /** The answer to a birth: who this executor is from now on, in which cluster's life. */
  welcome: { letter: 'w', fields: { cluster: text, incarnation: integer } },
  /** The sender has no birth for this session: publish it again. */
  rebirth: { letter: 'b', fields: {} },
} as const;

export type Down = ItemOf<typeof table>;
export type DownFrom = Extract<Down, { partition: number }>;
export const downCodec = codec(table);
