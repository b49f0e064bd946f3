import {
  type SchedulerLike,
  Subject,
  defer,
  firstValueFrom,
  fromEvent,
  merge,
  retry,
  takeUntil,
  timer,
} from 'rxjs';
import type { JournalBounds, JournalHead, JournalPage, JournalPlace } from '#postgres';
import type { Journal } from './journal.js';
import { SharedRead } from './shared-read.js';

/** A page keeps a statement's deadline: one that is too slow is not asked for without a pause. */
export const RETRY = { firstMs: 100, maxMs: 2_000 } as const;

type Heads = Awaited<ReturnType<Journal['targets']>>;

/** What one replay reads; undefined: its reader has left. */
export interface ReplaySource {
  targets(partitions: readonly number[]): Promise<Pick<Heads, 'heads'> | undefined>;
  replay(
    places: readonly JournalPlace[],
    bounds: JournalBounds,
  ): Promise<readonly JournalPage[] | undefined>;
}

export interface ReplayReadsOptions {
  readonly journal: Journal;
  readonly scheduler: SchedulerLike;
  failed(error: unknown): void;
}

/**
 * What all replays read. A herd that returns asks once for what is the same for everybody. A read
 * that fails is asked again for as long as its reader is there: who fails a herd makes it return.
 */
export class ReplayReads {
  private readonly heads: SharedRead<Heads>;
  private readonly oldestPlaces: SharedRead<readonly JournalHead[]>;
  private readonly stopping = new Subject<void>();

  constructor(private readonly options: ReplayReadsOptions) {
    const { journal } = options;
    this.heads = new SharedRead((partitions) => journal.targets(partitions));
    this.oldestPlaces = new SharedRead(() => journal.oldest());
  }

  /** For the reader who leaves with the signal. */
  of(signal: AbortSignal): ReplaySource {
    const { journal } = this.options;
    return {
      targets: (partitions) => this.until(signal, () => this.heads.ask(partitions)),
      replay: (places, bounds) => this.until(signal, () => journal.replay(places, bounds, signal)),
    };
  }

  oldest(signal: AbortSignal): Promise<readonly JournalHead[] | undefined> {
    return this.until(signal, () => this.oldestPlaces.ask([]));
  }

  /** Whoever waits is answered that it is over. */
  stop(): void {
    this.stopping.next();
  }

  private async until<T>(signal: AbortSignal, read: () => Promise<T>): Promise<T | undefined> {
    if (signal.aborted) return undefined;
    const { scheduler } = this.options;
    // No jitter: those who fail together ask together, and share the connection that is made anew.
    const delay = (error: unknown, count: number) => {
      this.options.failed(error);
      return timer(Math.min(RETRY.firstMs * 2 ** (count - 1), RETRY.maxMs), scheduler);
    };
    const over$ = merge(fromEvent(signal, 'abort'), this.stopping);
    const answer$ = defer(read).pipe(retry({ delay }), takeUntil(over$));
    return await firstValueFrom(answer$, { defaultValue: undefined });
  }
}
