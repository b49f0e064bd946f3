import {
  LOG_STREAMS,
  type Connection,
  type NewLogChunk,
  appendLogs,
  classify,
  cutLog,
  readLogBounds,
} from '#postgres';
import { type LogChunk, isUuid } from '#protocol';
import { type Logger, createThrottle } from '#telemetry';
import { LogSources, type Writer } from './log-sources.js';

const BATCH_CHUNKS = 256;
/** Logs are best effort: above the bound the oldest go, so that no flood starves the commits. */
const WAITING_MAX = 4_096;
const WAITING_BYTES_MAX = 32 * 1_024 * 1_024;
/** The middle of a log that is too long goes when it is so much too long, in shares like this. */
const OVER_SHARE = 1 / 8;
const CUT_CHUNKS = 256;
const TRIES = 3;
const HOLD_MS = 500;

const CODE = {
  stdout: LOG_STREAMS.indexOf('STDOUT'),
  stderr: LOG_STREAMS.indexOf('STDERR'),
  log: LOG_STREAMS.indexOf('STRUCTURED'),
} as const;

const DAY = /^20\d{2}-\d{2}-\d{2}$/;
const isDay = (day: string): boolean => {
  const at = new Date(day);
  return DAY.test(day) && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
};

interface Waiting {
  readonly executor: string;
  readonly chunk: NewLogChunk;
  readonly bytes: number;
}

/**
 * What attempts write, on its way to `log_chunk`; one append in flight, the next one grows. A
 * result is handed on only after the log that came before it, within a bound: who sees a run ended
 * finds what it wrote. What an executor says of an attempt that is not its own is dropped; of a log
 * over its bound the middle goes.
 */
export class LogWriter {
  private waiting: Waiting[] = [];
  private writing: Promise<void> | undefined;
  /** Chunks of each executor that are not yet written, and who waits for them. */
  private readonly pending = new Map<string, number>();
  private readonly waiters = new Map<string, (() => void)[]>();
  private waitingBytes = 0;
  dropped = 0;
  /** Of them, those of an attempt that its executor does not have. */
  foreign = 0;
  private readonly sources: LogSources;
  private readonly throttled: ReturnType<typeof createThrottle>;

  constructor(
    private readonly connection: Connection,
    private readonly log: Logger,
    nowMs: () => number = () => performance.now(),
  ) {
    this.sources = new LogSources(connection, nowMs);
    this.throttled = createThrottle({ logger: log, nowMs });
  }

  add(executor: string, chunks: readonly LogChunk[]): void {
    for (const { day, partition, run, attempt, stream, offset, project, body } of chunks) {
      if (!isUuid(run) || !isDay(day)) continue;
      const place = { partition, run, attempt, stream: CODE[stream], offset };
      const bytes = Buffer.byteLength(body);
      this.waiting.push({ executor, chunk: { day, ...place, project, body }, bytes });
      this.waitingBytes += bytes;
      this.pending.set(executor, (this.pending.get(executor) ?? 0) + 1);
    }
    this.dropOldest();
    if (this.waiting.length > 0) this.writing ??= this.write();
  }

  /** Runs at once when nothing of this executor is under way, else after it, or after the bound. */
  after(executor: string, run: () => void): void {
    if (!this.pending.has(executor)) {
      run();
      return;
    }
    let ran = false;
    const once = (): void => {
      clearTimeout(timer);
      if (!ran) run();
      ran = true;
    };
    const timer = setTimeout(once, HOLD_MS);
    const waiters = this.waiters.get(executor);
    if (waiters === undefined) this.waiters.set(executor, [once]);
    else waiters.push(once);
  }

  /** What waits is written first. */
  async stop(): Promise<void> {
    await this.writing;
  }

  private dropOldest(): void {
    let count = Math.max(0, this.waiting.length - WAITING_MAX);
    const bytesOf = (few: readonly Waiting[]): number => few.reduce((sum, x) => sum + x.bytes, 0);
    let left = this.waitingBytes - bytesOf(this.waiting.slice(0, count));
    for (; left > WAITING_BYTES_MAX; count++) left -= this.waiting[count]?.bytes ?? 0;
    if (count === 0) return;
    this.waitingBytes = left;
    const gone = this.waiting.splice(0, count);
    this.dropped += gone.length;
    this.settle(gone);
  }

  private async write(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH_CHUNKS);
      this.waitingBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
      const admitted = await this.admit(batch);
      if (admitted !== undefined) await this.append(admitted.chunks);
      this.settle(batch);
      for (const writer of admitted?.writers ?? []) await this.cut(writer);
    }
    this.writing = undefined;
  }

  /** Undefined: it could not be found out, and all of it is dropped. */
  private async admit(
    batch: readonly Waiting[],
  ): Promise<{ readonly chunks: NewLogChunk[]; readonly writers: Set<Writer> } | undefined> {
    const isDone = await this.trying(batch.length, async () => {
      await this.sources.learn(batch.map(({ executor, chunk }) => ({ executor, ...chunk })));
    });
    if (!isDone) return undefined;
    const chunks: NewLogChunk[] = [];
    const writers = new Set<Writer>();
    for (const { executor, chunk, bytes } of batch) {
      const writer = this.sources.writer({ executor, ...chunk });
      if (writer === undefined) {
        this.refuse(executor, chunk);
        continue;
      }
      const { partition, project, day, ends } = writer;
      const end = chunk.offset + bytes;
      if (writer.isCut && end <= (ends.get(chunk.stream) ?? 0)) continue;
      ends.set(chunk.stream, Math.max(end, ends.get(chunk.stream) ?? 0));
      writer.bytes += bytes;
      writers.add(writer);
      chunks.push({ ...chunk, partition, project, day });
    }
    return { chunks, writers };
  }

  private refuse(executor: string, { run, attempt }: NewLogChunk): void {
    this.dropped += 1;
    this.foreign += 1;
    const more = { executor, run, attempt };
    this.throttled('foreign').warn('a log chunk of an attempt that its executor has not', more);
  }

  /** Appending goes on between the shares; what cannot be cut now is cut after the next batch. */
  private async cut(writer: Writer): Promise<void> {
    const { bytesMax } = writer;
    if (writer.bytes <= bytesMax * (1 + OVER_SHARE)) return;
    try {
      const bounds = await readLogBounds(this.connection, writer, bytesMax / 2);
      writer.isCut = true;
      while ((await cutLog(this.connection, writer, bounds, CUT_CHUNKS)) === CUT_CHUNKS);
      writer.bytes = Math.min(bounds.bytes, bytesMax);
    } catch (error) {
      this.throttled('cut').warn('a log over its bound could not be cut', { error });
    }
  }

  private settle(written: readonly Waiting[]): void {
    for (const { executor } of written) {
      const left = (this.pending.get(executor) ?? 0) - 1;
      if (left > 0) {
        this.pending.set(executor, left);
        continue;
      }
      this.pending.delete(executor);
      const waiters = this.waiters.get(executor) ?? [];
      this.waiters.delete(executor);
      for (const run of waiters) run();
    }
  }

  /** One of them is refused: its neighbours, which are other people's, are not to go with it. */
  private async appendHalves(batch: readonly NewLogChunk[]): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    await this.append(batch.slice(0, middle));
    await this.append(batch.slice(middle));
  }

  private async append(batch: readonly NewLogChunk[]): Promise<void> {
    if (batch.length === 0) return;
    await this.trying(
      batch.length,
      async () => await appendLogs(this.connection, batch),
      batch.length > 1 ? async () => await this.appendHalves(batch) : undefined,
    );
  }

  /** false: they are dropped. `refused`: what is to be done when the database will never do it. */
  private async trying(
    chunks: number,
    run: () => Promise<void>,
    refused?: () => Promise<void>,
  ): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await run();
        return true;
      } catch (error) {
        const isForGood = classify(error).kind === 'rejected-for-good';
        if (isForGood && refused !== undefined) {
          await refused();
          return true;
        }
        if (isForGood || attempt === TRIES) {
          this.dropped += chunks;
          this.log.warn('log chunks are dropped', { chunks, error });
          return false;
        }
      }
    }
  }
}
