import type { Clock } from '#actor';
import type { LogKey, LogPage, LogRow } from '#postgres';
import type { Logger } from '#telemetry';
import type { LiveLogs, LogRequest } from './live-logs.js';
import { LogStream } from './log-stream.js';
import type { Stream } from './pull.js';

export const LOGS = {
  /** From the end of one poll to the next. */
  pollMs: 300,
  /** A run's share of a poll: an executor sends each stream every 100 ms. Who has more reads on. */
  pollChunks: 8,
  /** Logs in one statement of a poll: with 32 KiB in each chunk, 32 MiB. */
  pollKeys: 128,
  /** What a stream that is behind reads at a time. */
  pageChunks: 32,
  /**
   * A scheduler hands a result on after 500 ms even if the log before it is not yet written
   * (decision 8): so much longer than that a final run's log is waited for.
   */
  lateMs: 1_000,
  /** Final for so long by the clocks of two machines, a run writes no more. */
  longAgoMs: 60_000,
} as const;

export interface LiveLogsOptions {
  readonly read: (keys: readonly LogKey[], limit: number) => Promise<readonly LogPage[]>;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
}

type Group = Set<LogStream>;

/**
 * Every follower of a log at this gateway. Who is at the end of a log waits for the poll, which
 * asks for all that are waited for at once; who is behind reads a page when its reader has come to
 * the end of the one before. Those who want the same share one read and its answer.
 */
export class LiveLogsService implements LiveLogs {
  private readonly streams = new Set<LogStream>();
  private readonly waiting: Group = new Set();
  private readonly reading = new Map<string, Group>();
  private cancelPoll: (() => void) | undefined;
  private isPolling = false;
  private isFailing = false;
  private isStopped = false;

  constructor(private readonly options: LiveLogsOptions) {}

  follow(request: LogRequest): Stream<LogRow> {
    const stream = new LogStream(this, request);
    this.streams.add(stream);
    if (this.isStopped) stream.pull.end();
    return stream.pull;
  }

  stop(): void {
    this.isStopped = true;
    for (const stream of this.streams) stream.pull.end();
  }

  /** What is held for followers: all zero when there are none. */
  get counts() {
    return {
      streams: this.streams.size,
      waiting: this.waiting.size,
      reading: this.reading.size,
      timers: this.cancelPoll === undefined ? 0 : 1,
    };
  }

  want(stream: LogStream): void {
    if (stream.isBehind) this.read(stream);
    else this.wait(stream);
  }

  left(stream: LogStream): void {
    this.streams.delete(stream);
    this.waiting.delete(stream);
    if (this.waiting.size > 0) return;
    this.cancelPoll?.();
    this.cancelPoll = undefined;
  }

  isSettled(stream: LogStream, askedAt: number): boolean {
    const { clock } = this.options;
    const { finishedAt } = stream.request;
    if (finishedAt !== null && clock.now() - finishedAt >= LOGS.longAgoMs) return true;
    stream.finalSince ??= clock.elapsed();
    return askedAt - stream.finalSince >= LOGS.lateMs;
  }

  private read(stream: LogStream): void {
    const { key } = stream;
    const name = nameOf(key);
    const group = this.reading.get(name);
    if (group !== undefined) {
      group.add(stream);
      return;
    }
    const own: Group = new Set([stream]);
    this.reading.set(name, own);
    void this.answer([{ key, group: own }], LOGS.pageChunks, () => this.reading.delete(name));
  }

  private wait(stream: LogStream): void {
    this.waiting.add(stream);
    this.schedule();
  }

  private schedule(): void {
    if (this.isPolling || this.isStopped || this.waiting.size === 0) return;
    this.cancelPoll ??= this.options.clock.after(LOGS.pollMs, () => {
      this.cancelPoll = undefined;
      this.isPolling = true;
      void this.poll().then(() => {
        this.isPolling = false;
        this.schedule();
      });
    });
  }

  private async poll(): Promise<void> {
    const groups = new Map<string, { readonly key: LogKey; readonly group: Group }>();
    for (const stream of this.waiting) {
      const { key } = stream;
      const name = nameOf(key);
      const known = groups.get(name);
      if (known === undefined) groups.set(name, { key, group: new Set([stream]) });
      else known.group.add(stream);
    }
    this.waiting.clear();
    const asked = [...groups.values()];
    for (let from = 0; from < asked.length; from += LOGS.pollKeys) {
      await this.answer(asked.slice(from, from + LOGS.pollKeys), LOGS.pollChunks);
    }
  }

  /** It never throws: who could not be answered waits for the next poll. */
  private async answer(
    asked: readonly { readonly key: LogKey; readonly group: Group }[],
    limit: number,
    ended: () => void = () => undefined,
  ): Promise<void> {
    const askedAt = this.options.clock.elapsed();
    let pages: readonly LogPage[] | undefined;
    try {
      const keys = asked.map(({ key }) => key);
      pages = await this.options.read(keys, limit);
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.options.log.warn('logs cannot be followed now', { error });
      this.isFailing = true;
    }
    // First: who is given a page may want the next one at once.
    ended();
    for (const [i, { group }] of asked.entries()) {
      const page = pages?.[i];
      for (const stream of group) {
        if (page !== undefined) stream.give(page, { limit, askedAt });
        else if (!stream.hasEnded) this.wait(stream);
      }
    }
  }
}

const nameOf = ({ run, attempt, after }: LogKey): string => `${run}/${attempt ?? ''}/${after}`;
