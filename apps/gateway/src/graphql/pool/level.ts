import type { Clock } from '#actor';

export interface LevelOptions<T> {
  readonly read: () => Promise<T>;
  readonly clock: Pick<Clock, 'elapsed'>;
  /** So old an answer may be… */
  readonly freshMs: number;
  /** …or so many times as long as it took to find out: at most that share of time is spent. */
  readonly share: number;
}

/** Something that is read for all who ask, one question at a time. */
export class Level<T> {
  private answer: Promise<T> | undefined;
  private until = Number.POSITIVE_INFINITY;

  constructor(private readonly options: LevelOptions<T>) {}

  get(): Promise<T> {
    if (this.answer === undefined || this.options.clock.elapsed() > this.until) {
      this.until = Number.POSITIVE_INFINITY;
      this.answer = this.read();
    }
    return this.answer;
  }

  private async read(): Promise<T> {
    const { clock, read, freshMs, share } = this.options;
    const began = clock.elapsed();
    try {
      const value = await read();
      const took = clock.elapsed() - began;
      this.until = began + Math.max(freshMs, took * share);
      return value;
    } catch (error) {
      this.answer = undefined;
      throw error;
    }
  }
}
