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
  /** None in this turn, beyond the first few: what is left is decided anew in the next. */
  isLate(): boolean;
  /** Asked before its claim: whether its former owner was lost with it. */
  isUnclean(partition: number): boolean;
  /** Told before it as well: its answer may be lost. */
  claims(partition: number): void;
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
 * Takes partitions over, a few at a time. When one of them cannot be read, those that came with it
 * are loaded one by one: it keeps nobody from the others.
 */
export class Claims {
  /** Last time somebody held their lock: they come last, and keep nobody from the others. */
  private readonly locked = new Set<number>();

  constructor(
    private readonly store: Pick<StoreControl, 'claim' | 'load'>,
    private readonly host: ClaimsHost,
    private readonly log: Logger,
  ) {}

  take(wanted: readonly Claim[], done: () => void): void {
    const free = wanted.filter(({ partition }) => !this.locked.has(partition));
    const locked = wanted.filter(({ partition }) => this.locked.has(partition));
    this.takeAll([...free, ...locked], done);
  }

  private takeAll(wanted: readonly Claim[], done: () => void): void {
    if (wanted.length === 0 || this.host.isOver()) return done();
    this.claim(wanted.slice(0, TOGETHER), () => {
      if (this.host.isLate()) done();
      else this.takeAll(wanted.slice(TOGETHER), done);
    });
  }

  private claim(claims: readonly Claim[], done: () => void): void {
    const unclean = new Map(
      claims.map(({ partition }) => [partition, this.host.isUnclean(partition)]),
    );
    for (const { partition } of claims) this.host.claims(partition);
    this.store.claim({ claims, thread: this.host.thread }, (epochs) => {
      if (epochs instanceof Error) {
        const partitions = claims.map(({ partition }) => partition);
        this.log.warn('a claim failed', { partitions, error: epochs });
        return done();
      }
      const taken: Taken[] = [];
      for (const [partition, epoch] of epochs) {
        if (epoch === null) {
          this.log.warn('a claim waits: somebody holds its lock', { partition });
          this.locked.add(partition);
          continue;
        }
        this.locked.delete(partition);
        taken.push({ partition, epoch, unclean: unclean.get(partition) ?? true });
      }
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
      if (taken.length > 1) return this.loadOneByOne(taken, done);
      this.log.warn('a load failed', { partition: first.partition, error: loaded });
      this.host.failed(first.partition, first.epoch, loaded);
      done();
    });
  }

  private loadOneByOne([first, ...rest]: readonly Taken[], done: () => void): void {
    if (first === undefined) return done();
    this.load([first], () => this.loadOneByOne(rest, done));
  }

  private told(taken: readonly Taken[], loaded: ReadonlyMap<number, LoadedPartition>): void {
    for (const { partition, epoch, unclean } of taken) {
      const found = loaded.get(partition);
      // Another has claimed it since.
      if (found !== undefined) this.host.loaded({ ...found, partition, epoch }, unclean);
    }
  }
}
