import type { LogRow } from '#postgres';
import { problem } from '../driver/errors.js';
import { LOG_STREAMS } from '../schema/enums.js';
import { decodeCursor, encodeCursor } from '../schema/page.js';
import type { LogChunk } from './run.model.js';

const KIND = 'log';
const INT_MAX = 2 ** 31 - 1;

/**
 * Places in the log of a run, the same for `Run.log` and `runLog`. They carry a part of the
 * cluster's life: after a restore the same number will be given to another chunk.
 */
export class LogCursors {
  private readonly life: string;

  constructor(life: string) {
    this.life = life.slice(-12);
  }

  encode(run: string, seq: number): string {
    return encodeCursor(KIND, run, seq, this.life);
  }

  /** The place after which to go on: 0 without a cursor. */
  decode(run: string, cursor: string | null | undefined): number {
    const isPlace = ([of, seq, life, ...more]: readonly unknown[]): boolean =>
      of === run && isPlaceNumber(seq) && typeof life === 'string' && more.length === 0;
    const [, seq = 0, life] = decodeCursor(KIND, cursor, isPlace) ?? [];
    if (life === undefined || life === this.life) return seq as number;
    const message = 'The cluster was restored since: read the log anew, or from `oldest`.';
    throw problem('CURSOR_EXPIRED', message, { oldest: this.encode(run, 0) });
  }

  chunk(run: string, row: LogRow): LogChunk {
    return {
      cursor: this.encode(run, row.seq),
      attempt: row.attempt,
      stream: LOG_STREAMS[row.stream] ?? 'SYSTEM',
      offset: String(row.offset),
      at: row.atMs,
      text: row.text,
      // More does not fit into the type.
      gapBytes: row.gap === null ? null : Math.min(row.gap, INT_MAX),
    };
  }
}

const isPlaceNumber = (value: unknown): boolean =>
  Number.isSafeInteger(value) && Number(value) >= 0;
