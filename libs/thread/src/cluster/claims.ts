import type { Claim, LoadedPartition, StoreControl } from '#core';
import type { Logger } from '#telemetry';
import type { Loaded } from './news.js';

/**
 * So many in one transaction and one load. Larger ones cost less in all, and let each of them
 * stand still for longer: from its claim until the last of them is loaded.
 */
const TOGETHER = 8;

export interface ClaimsHost {
  readonly thread: string;
  /** Of a lane, so many runs are loaded. */
  readonly window: number;
  /** No further claims: this thread stops. */
  isOver(): boolean;
  /** Told before its claim: what its former owner left it like. */
  isUnclean(partition: number): boolean;
  claimed(partition: number): void;
  loaded(loaded: Loaded, unclean: boolean): void;
  /** It is ours, and its load failed. */
  failed(partition: number, epoch: number, error: Error): void;
}
interface Taken {
  readonly partition: number;
  readonly epoch: number;
  readonly unclean: boolean;
}

/**
 * Takes partitions over, a few at a time. When one of them is locked or cannot be read, those that
 * came with it go on one by one: it keeps nobody from the others.
 */
export class Claims {
  constructor(
    private readonly store: Pick<StoreControl, 'claim' | 'load'>,
    private readonly host: ClaimsHost,
    private readonly log: Logger,
  ) {}

  take(wanted: readonly Claim[], done: () => void): void {
    if (wanted.length === 0 || this.host.isOver()) return done();
    this.claim(wanted.slice(0, TOGETHER), () => this.take(wanted.slice(TOGETHER), done));
  }

  private claim(claims: readonly Claim[], done: () => void): void {
    const unclean = new Map(
      claims.map(({ partition }) => [partition, this.host.isUnclean(partition)]),
    );
    this.store.claim({ claims, thread: this.host.thread }, (epochs) => {
      if (epochs instanceof Error) {
        if (claims.length > 1) return oneByOne(claims, (one, then) => this.take(one, then), done);
        this.log.warn('a claim failed', { partition: claims[0]?.partition, error: epochs });
        return done();
      }
      const taken = [...epochs].map(([partition, epoch]) => {
        this.host.claimed(partition);
        return { partition, epoch, unclean: unclean.get(partition) ?? true };
      });
      this.load(taken, done);
    });
  }

  private load(taken: readonly Taken[], done: () => void): void {
    const [first] = taken;
    if (first === undefined) return done();
    this.store.load({ partitions: taken, window: this.host.window }, (loaded) => {
      if (!(loaded instanceof Error)) {
        this.told(taken, loaded);
        return done();
      }
      if (taken.length > 1) return oneByOne(taken, (one, then) => this.load(one, then), done);
      this.log.warn('a load failed', { partition: first.partition, error: loaded });
      this.host.failed(first.partition, first.epoch, loaded);
      done();
    });
  }

  private told(taken: readonly Taken[], loaded: ReadonlyMap<number, LoadedPartition>): void {
    for (const { partition, epoch, unclean } of taken) {
      const found = loaded.get(partition);
      // Another has claimed it since.
      if (found !== undefined) this.host.loaded({ ...found, partition, epoch }, unclean);
    }
  }
}

function oneByOne<T>(
  all: readonly T[],
  each: (one: readonly [T], then: () => void) => void,
  done: () => void,
): void {
  const [first, ...rest] = all;
  if (first === undefined) return done();
  each([first], () => oneByOne(rest, each, done));
}
