import type { LogKey, LogPage, LogRow } from '#postgres';
import type { LogRequest } from './live-logs.js';
import { Pull, type PullSource } from './pull.js';

export interface LogHost {
  /** It has nothing left: it is to be given a page when there is one. */
  want(stream: LogStream): void;
  left(stream: LogStream): void;
  /** The run is final: whether what is late had had its time when it was asked for. */
  isSettled(stream: LogStream, askedAt: number): boolean;
}

export interface LogAsked {
  readonly limit: number;
  /** By a monotonic clock, and before the database was asked. */
  readonly askedAt: number;
}

/**
 * One subscriber's log. It holds one page, which it may share with others, and wants the next one
 * when its reader has taken the last row of this one.
 */
export class LogStream implements PullSource<LogRow> {
  readonly pull = new Pull<LogRow>(this);
  private rows: readonly LogRow[] = [];
  private at = 0;
  private position: number;
  /** More is there than the last page held: it need not wait for the poll. */
  isBehind = true;
  hasEnded = false;
  /** By a monotonic clock: when its run was first seen to be final. */
  finalSince: number | undefined;
  private isWanting = false;
  /** Nothing comes after the last page. */
  private isDrained = false;

  constructor(
    private readonly host: LogHost,
    readonly request: LogRequest,
  ) {
    this.position = request.after;
  }

  /** What it wants next. */
  get key(): LogKey {
    const { project, run, attempt } = this.request;
    return { project, run, attempt, after: this.position };
  }

  take(): LogRow | undefined {
    const row = this.rows[this.at];
    if (row !== undefined) this.at++;
    else if (this.isDrained) this.pull.end();
    else if (!this.isWanting) {
      this.isWanting = true;
      this.host.want(this);
    }
    return row;
  }

  leave(): void {
    this.hasEnded = true;
    this.rows = [];
    this.host.left(this);
  }

  /** The answer to its key: all that there was when it was asked, or the first `limit` of it. */
  give({ rows, head, isFinal }: LogPage, { limit, askedAt }: LogAsked): void {
    if (this.hasEnded) return;
    this.isWanting = false;
    this.isBehind = rows.length === limit;
    // A short page was read to the end of the log, over other attempts too.
    const end = this.isBehind ? rows.at(-1)?.seq : head;
    this.position = Math.max(this.position, end ?? 0);
    this.rows = rows;
    this.at = 0;
    this.isDrained = !this.isBehind && isFinal && this.host.isSettled(this, askedAt);
    this.pull.wake();
  }
}
