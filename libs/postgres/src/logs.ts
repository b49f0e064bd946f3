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

/** Who may write to the logs of a run, as the run itself says. */
export interface LogSource {
  readonly run: string;
  readonly partition: number;
  /** The project's name. */
  readonly project: string;
  /** The last attempt, and who has it or had it. */
  readonly attempt: number;
  readonly executor: string | null;
  /** JSON: the attempts before it, and this one once it has ended. */
  readonly record: string | null;
  /** JSON. */
  readonly policy: string | null;
}

/** Of runs that are not there nothing is said. */
export async function readLogSources(
  connection: Connection,
  runs: readonly string[],
): Promise<readonly LogSource[]> {
  return await connection.query<LogSource & Record<string, unknown>>(
    'log_sources',
    'select * from log_sources($1::uuid[])',
    [`{${runs.join(',')}}`],
  );
}

/** One attempt's log. All of it is of one day: that of its grant. */
export interface LogPlace {
  readonly partition: number;
  readonly day: string;
  readonly run: string;
  readonly attempt: number;
}

export interface LogBounds {
  /** Of all that is stored. */
  readonly bytes: number;
  /** The `seq` of the last chunk of the first half; null when nothing is stored. */
  readonly head: number | null;
  /** And of the first one of the last half. */
  readonly tail: number | null;
}

export async function readLogBounds(
  connection: Connection,
  { day, run, attempt }: LogPlace,
  halfBytes: number,
): Promise<LogBounds> {
  const [row] = await connection.query<{ [name in keyof LogBounds]: string | null }>(
    'log_bounds',
    'select * from log_bounds($1::date, $2::uuid, $3::int4, $4::int8)',
    [day, run, attempt, halfBytes],
  );
  const placeOf = (seq: string | null | undefined): number | null =>
    seq === null || seq === undefined ? null : Number(seq);
  return { bytes: Number(row?.bytes), head: placeOf(row?.head), tail: placeOf(row?.tail) };
}

/** At most so many chunks between the two go; answers how many went. */
export async function cutLog(
  connection: Connection,
  { partition, day, run, attempt }: LogPlace,
  { head, tail }: LogBounds,
  limit: number,
): Promise<number> {
  if (head === null || tail === null) return 0;
  const [row] = await connection.query<{ cut: number }>(
    'cut_log',
    'select cut_log($1::int4, $2::date, $3::uuid, $4::int4, $5::int8, $6::int8, $7::int4) as cut',
    [partition, day, run, attempt, head, tail, limit],
  );
  return row?.cut ?? 0;
}
