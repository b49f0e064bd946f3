import { type ItemOf, codec, integer, text, word } from './codec.js';

/**
 * What an attempt wrote. `offset` counts the bytes (UTF-8, as sent) of this stream before `body`;
 * `day` is the UTC day of the grant as its executor knows it, the same for all of an attempt.
 */
const table = {
  chunk: {
    letter: 'l',
    fields: {
      partition: integer,
      run: text,
      attempt: integer,
      stream: word('stdout', 'stderr', 'log'),
      offset: integer,
      project: text,
      day: text,
      body: text,
    },
  },
} as const;
export type LogChunk = ItemOf<typeof table>;
export const logCodec = codec(table);
