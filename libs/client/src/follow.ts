import { stringifyJson } from '#protocol';
import type { Variables } from './client.js';
import { type Verdict, verdictOn, verdictOnEnding } from './endings.js';
import type { Frame, Frames } from './frames.js';
import { type Weather, delayOf } from './patience.js';
import { type RequestError, type Result, isNobody } from './result.js';

export interface FollowOptions {
  /**
   * Asked when the server ends the stream: a gateway that goes away does so too, so without an
   * answer the stream is followed again.
   */
  readonly isOver?: () => Promise<boolean>;
  /** Told each time the stream is interrupted; it comes back by itself. */
  readonly interrupted?: (error: RequestError) => void;
  /** Told each time there is a connection; what the server makes of the stream is yet to come. */
  readonly connected?: () => void;
  /** That nobody is there at the first try is the last step, at once. */
  readonly mustAnswer?: boolean;
  /** Gives up after so long without a frame, with the last failure; never, unless it is said. */
  readonly withinMs?: number;
}

export interface FollowHost<T> {
  readonly url: string;
  readonly weather: Weather;
  readonly open: (query: string, variables: Variables) => Frames<T>;
  readonly left: () => void;
  /** Whether the server was ever reached. */
  readonly wasThere: () => boolean;
}

/**
 * A subscription over every loss of its connection. Each step is a frame, or, as the last one, what
 * ended it: CURSOR_EXPIRED, FORBIDDEN, NOT_FOUND, … with what to do. A document that takes `$after`
 * goes on behind the cursor of the frame that was read last: none is missed, none comes twice. One
 * that takes none begins with the whole state again; the same state is not told twice.
 */
export class Following<T> implements AsyncIterableIterator<Result<T>> {
  private readonly leaving = new AbortController();
  private readonly steps: AsyncGenerator<Result<T>, void, void>;
  private frames: Frames<T> | undefined;
  private readonly resumes: boolean;
  private after: unknown;
  private last: string | undefined;
  /** Since the last frame; the first of them at `lostAt`. */
  private failures = 0;
  private lostAt = 0;

  constructor(
    private readonly host: FollowHost<T>,
    private readonly query: string,
    private readonly variables: Variables,
    private readonly options: FollowOptions,
  ) {
    this.resumes = /\$after\b/.test(query);
    this.after = variables['after'];
    this.steps = this.run();
  }

  next(): Promise<IteratorResult<Result<T>>> {
    return this.steps.next();
  }

  /** Also from outside, while a frame is waited for. */
  async return(): Promise<IteratorResult<Result<T>>> {
    this.leaving.abort();
    this.frames?.leave();
    await this.steps.return();
    return { done: true, value: undefined };
  }

  connected(): void {
    this.options.connected?.();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private async *run(): AsyncGenerator<Result<T>, void, void> {
    try {
      yield* this.again();
    } finally {
      this.host.left();
    }
  }

  private async *again(): AsyncGenerator<Result<T>, void, void> {
    while (!this.leaving.signal.aborted) {
      const verdict = yield* this.once();
      if (this.leaving.signal.aborted || verdict === undefined) return;
      if (this.failures === 0) this.lostAt = this.host.weather.now();
      const delayMs = delayOf(this.failures++, verdict.error, this.host.weather.random);
      const isVain = this.isForNobody(verdict.error) || this.isTooLate(delayMs);
      if (!verdict.isPassing || isVain) {
        yield { ok: false, errors: [verdict.error] };
        return;
      }
      this.options.interrupted?.(verdict.error);
      await this.host.weather.wait(delayMs, this.leaving.signal);
    }
  }

  /** One connection's worth; undefined when the stream is over. */
  private async *once(): AsyncGenerator<Result<T>, Verdict | undefined, void> {
    const variables = this.resumes ? { ...this.variables, after: this.after } : this.variables;
    const frames = this.host.open(this.query, variables);
    this.frames = frames;
    try {
      for (let isFirst = true; ; isFirst = false) {
        const step = await frames.next();
        if ('kind' in step) {
          const isOver = step.kind === 'completed' && (await this.options.isOver?.()) === true;
          return isOver ? undefined : this.remember(verdictOnEnding(step, this.host.url));
        }
        const { errors = [], data } = step;
        if (errors.length > 0) return this.remember(verdictOn(errors));
        if (data !== undefined && data !== null && this.isNews(data, isFirst)) {
          yield { ok: true, value: data };
        }
      }
    } finally {
      frames.leave();
    }
  }

  /** Moves to behind the frame: it is yielded in the same turn. */
  private isNews(data: NonNullable<Frame<T>['data']>, isFirst: boolean): boolean {
    this.failures = 0;
    if (!this.resumes) {
      const text = stringifyJson(data);
      const isRepeat = isFirst && text === this.last;
      this.last = text;
      return !isRepeat;
    }
    const [root] = Object.values(data) as ({ readonly cursor?: unknown } | null)[];
    if (typeof root?.cursor !== 'string') {
      throw new TypeError('A document that takes $after must ask for `cursor`, to go on from it.');
    }
    this.after = root.cursor;
    return true;
  }

  /** Who was too slow before its first frame was read is told where to go on. */
  private remember(verdict: Verdict): Verdict {
    if (this.resumes) this.after ??= verdict.error.resume;
    return verdict;
  }

  private isForNobody(error: RequestError): boolean {
    return this.options.mustAnswer === true && !this.host.wasThere() && isNobody(error);
  }

  private isTooLate(delayMs: number): boolean {
    const { withinMs } = this.options;
    return withinMs !== undefined && this.host.weather.now() - this.lostAt + delayMs > withinMs;
  }
}
