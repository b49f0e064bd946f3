import { LOG_STREAMS, type Connection, type NewLogChunk, appendLogs, classify } from '#postgres';
import { type LogChunk, isUuid } from '#protocol';
import type { Logger } from '#telemetry';

const BATCH_CHUNKS = 256;
/** Logs are best effort: above the bound the oldest go, so that no flood starves the commits. */
const WAITING_MAX = 4_096;
const TRIES = 3;
const HOLD_MS = 500;

const CODE = {
  stdout: LOG_STREAMS.indexOf('STDOUT'),
  stderr: LOG_STREAMS.indexOf('STDERR'),
  log: LOG_STREAMS.indexOf('STRUCTURED'),
} as const;

const DAY = /^\d{4}-\d{2}-\d{2}$/;

interface Waiting {
  readonly executor: string;
  readonly chunk: NewLogChunk;
}

/**
 * What attempts write, on its way to `log_chunk`; one append in flight, the next one grows. A
 * result is handed on only after the log that came before it, within a bound: who sees a run ended
 * finds what it wrote.
 */
export class LogWriter {
  private waiting: Waiting[] = [];
  private writing: Promise<void> | undefined;
  /** Chunks of each executor that are not yet written, and who waits for them. */
  private readonly pending = new Map<string, number>();
  private readonly waiters = new Map<string, (() => void)[]>();
  dropped = 0;

  constructor(
    private readonly connection: Connection,
    private readonly log: Logger,
  ) {}

  add(executor: string, chunks: readonly LogChunk[]): void {
    for (const { day, partition, run, attempt, stream, offset, project, body } of chunks) {
      if (!isUuid(run) || !DAY.test(day)) continue;
      const place = { partition, run, attempt, stream: CODE[stream], offset };
      const chunk = { day, ...place, project, body };
      this.waiting.push({ executor, chunk });
      this.pending.set(executor, (this.pending.get(executor) ?? 0) + 1);
    }
    const over = this.waiting.length - WAITING_MAX;
    if (over > 0) {
      const gone = this.waiting.splice(0, over);
      this.dropped += gone.length;
      this.settle(gone);
    }
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

  private async write(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH_CHUNKS);
      await this.append(batch.map(({ chunk }) => chunk));
      this.settle(batch);
    }
    this.writing = undefined;
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
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      try {
        await appendLogs(this.connection, batch);
        return;
      } catch (error) {
        const failure = classify(error);
        if (failure.kind === 'rejected-for-good' && batch.length > 1) {
          await this.appendHalves(batch);
          return;
        }
        if (failure.kind === 'rejected-for-good' || attempt === TRIES) {
          this.dropped += batch.length;
          this.log.warn('log chunks are dropped', { chunks: batch.length, error });
          return;
        }
      }
    }
  }
}
