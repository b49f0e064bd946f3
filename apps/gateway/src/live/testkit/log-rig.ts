import { ManualClock } from '#actor';
import {
  Connection,
  type LogKey,
  type LogPage,
  type LogRow,
  type NewLogChunk,
  type Reader,
  appendLogs,
  readLogs,
} from '#postgres';
import type { TestRun } from '../../testkit/owner.js';
import { LOGS, LiveLogsService } from '../live-logs.service.js';

export type Log = AsyncIterableIterator<LogRow>;
const quiet = (): void => undefined;

/** Logs of runs in a real database, followed in a time that moves when it is told to. */
export class LogRig {
  readonly clock = new ManualClock(Date.now());
  readonly logs: LiveLogsService;
  /** How many keys each read asked for, and for how many chunks of each. */
  readonly reads: (readonly [keys: number, limit: number])[] = [];
  /** What the last read asked for. */
  asked: readonly LogKey[] = [];
  /** So many reads fail. */
  failing = 0;
  warned = 0;
  private readonly writer: Connection;

  constructor(url: string, reader: Reader) {
    this.writer = new Connection({ url, role: 'orrery_scheduler', name: 'test/logs' });
    const read = async (keys: readonly LogKey[], limit: number): Promise<LogPage[]> => {
      this.reads.push([keys.length, limit]);
      this.asked = keys;
      if (this.failing-- > 0) throw new Error('the connection was lost');
      return await readLogs(reader, keys, limit);
    };
    const warn = (): void => void this.warned++;
    const log = { debug: quiet, info: quiet, error: quiet, warn };
    this.logs = new LiveLogsService({ read, clock: this.clock, log });
  }

  async stop(): Promise<void> {
    this.logs.stop();
    await this.writer.stop();
  }

  follow(run: TestRun, more: Partial<LogKey> & { finishedAt?: number } = {}): Log {
    const key = { project: run.project, run: run.id, attempt: null, after: 0 };
    return this.logs.follow({ ...key, finishedAt: null, ...more });
  }

  async append(run: TestRun, ...pieces: readonly Partial<NewLogChunk>[]): Promise<void> {
    const { id, partition } = run;
    const day = new Date().toISOString().slice(0, 10);
    const of = { day, partition, run: id, project: 'demo' };
    const first = { attempt: 1, stream: 0, offset: 0, body: '' };
    await appendLogs(
      this.writer,
      pieces.map((piece) => ({ ...of, ...first, ...piece })),
    );
  }

  /** A poll's time passes, as soon as somebody waits for it. */
  poll(): void {
    this.clock.advance(LOGS.pollMs);
  }

  /** What is asked for, while time passes. */
  async passing<T>(wanted: Promise<T>): Promise<T> {
    let isOver = false;
    const over = (): void => void (isOver = true);
    wanted.then(over, over);
    while (!isOver) {
      this.poll();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return await wanted;
  }

  /** Its next chunks, or all to its end. */
  async take(log: Log, count = Number.POSITIVE_INFINITY): Promise<LogRow[]> {
    const rows: LogRow[] = [];
    while (rows.length < count) {
      const step = await this.passing(log.next());
      if (step.done === true) break;
      rows.push(step.value);
    }
    return rows;
  }
}

export const textOf = (rows: readonly LogRow[]): string => rows.map(({ text }) => text).join('');
