import { ITEM_SEPARATOR } from './functions/separators.js';
import type { Connection } from './connection.js';

/** The place of a name is its code in `log_chunk.stream`. */
export const LOG_STREAMS = ['STDOUT', 'STDERR', 'STRUCTURED', 'SYSTEM'] as const;

export interface NewLogChunk {
  readonly day: string;
  readonly partition: number;
  readonly run: string;
  readonly attempt: number;
  readonly stream: number;
  readonly offset: number;
  /** The project's name, as the job knows it. */
  readonly project: string;
  readonly body: string;
}

/** What PostgreSQL takes in no text, and what parts them here; a job may write any byte. */
const UNSTORABLE = new RegExp(`[\u0000${ITEM_SEPARATOR}]`, 'g');

/** Beside the commit, unfenced: a chunk that is said again is found by its key and left alone. */
export async function appendLogs(
  connection: Connection,
  chunks: readonly NewLogChunk[],
): Promise<void> {
  const numbers = (pick: (chunk: NewLogChunk) => string | number): string =>
    `{${chunks.map(pick).join(',')}}`;
  const texts = (pick: (chunk: NewLogChunk) => string): string =>
    chunks.map((chunk) => pick(chunk).replaceAll(UNSTORABLE, '\ufffd')).join(ITEM_SEPARATOR);
  await connection.query(
    'append_log',
    'select append_log($1, $2::int4[], $3::uuid[], $4::int4[], $5::int2[], $6::int8[], ' +
      '$7::int4[], $8, $9)',
    [
      texts((chunk) => chunk.day),
      numbers((chunk) => chunk.partition),
      numbers((chunk) => chunk.run),
      numbers((chunk) => chunk.attempt),
      numbers((chunk) => chunk.stream),
      numbers((chunk) => chunk.offset),
      // As it was written: what is replaced below takes other room than what it stands for.
      numbers((chunk) => Buffer.byteLength(chunk.body)),
      texts((chunk) => chunk.project),
      texts((chunk) => chunk.body),
    ],
  );
}
