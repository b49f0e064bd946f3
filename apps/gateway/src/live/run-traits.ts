import {
  type SchedulerLike,
  Subscription,
  defer,
  firstValueFrom,
  fromEvent,
  retry,
  takeUntil,
  timer,
} from 'rxjs';
import type { Feed, FeedEvent, Lease } from '#feed';
import type { RunTraitsRow } from '#postgres';

/** Of one project: some 300 bytes each. */
const KEPT_MAX = 20_000;
/** Runs of one statement. */
const READ_MAX = 1_000;
const RETRY = { firstMs: 100, maxMs: 2_000 } as const;

export type ReadTraits = (
  project: string,
  runs: readonly string[],
) => Promise<readonly RunTraitsRow[]>;

export interface RunTraitsOptions {
  readonly feed: Feed;
  readonly read: ReadTraits;
  readonly scheduler: SchedulerLike;
  readonly project: string;
}

/**
 * What the rows of one project's runs say and their events do not. Of all of it only labels change,
 * and by a CHANGED: this hears them all, and what it knew of the run is forgotten. So what is
 * answered for an event is never older than the event.
 */
export class RunTraits {
  private readonly kept = new Map<string, Promise<RunTraitsRow | undefined>>();
  private readonly lease: Lease;
  private readonly hearing = new Subscription();
  private asked: { readonly runs: string[]; readonly rows: Promise<Rows> } | undefined;

  constructor(private readonly options: RunTraitsOptions) {
    const { feed, project } = options;
    this.lease = feed.follow();
    const changes = { projects: new Set([project]), filter: { types: new Set(['CHANGED']) } };
    this.hearing.add(
      this.lease.tail(changes as Parameters<Lease['tail']>[0]).events$.subscribe((events) => {
        for (const { run } of events) this.kept.delete(run);
      }),
    );
  }

  stop(): void {
    this.hearing.unsubscribe();
    this.lease.release();
    this.kept.clear();
  }

  /**
   * Asks until it is answered; nothing when the signal is given before. What was replayed may be
   * ahead of what is heard here: for that nothing kept is good enough.
   */
  async of(events: readonly FeedEvent[], signal: AbortSignal, isReplayed: boolean): Promise<Rows> {
    // In the batch that brings a CHANGED somebody may hear it before this does.
    await Promise.resolve();
    const row = async (run: string) =>
      isReplayed ? (await this.ask(run)).get(run) : await this.row(run);
    const known: Map<string, RunTraitsRow> = new Map();
    const runs = new Set(events.map(({ run }) => run));
    const over$ = fromEvent(signal, 'abort');
    const delay = (_error: unknown, count: number) =>
      timer(Math.min(RETRY.firstMs * 2 ** (count - 1), RETRY.maxMs), this.options.scheduler);
    const rows$ = defer(() => Promise.all([...runs].map(row)));
    const rows = signal.aborted
      ? []
      : await firstValueFrom(rows$.pipe(retry({ delay }), takeUntil(over$)), { defaultValue: [] });
    for (const row of rows) if (row !== undefined) known.set(row.id, row);
    return known;
  }

  private row(run: string): Promise<RunTraitsRow | undefined> {
    const known = this.kept.get(run);
    if (known !== undefined) return known;
    const row = this.ask(run).then((rows) => rows.get(run));
    this.kept.set(run, row);
    // A failure is not kept, nor is that it was not there.
    row.then(
      (found) => found ?? this.forget(run, row),
      () => this.forget(run, row),
    );
    if (this.kept.size > KEPT_MAX) this.forget(this.kept.keys().next().value ?? run);
    return row;
  }

  private forget(run: string, row = this.kept.get(run)): void {
    if (this.kept.get(run) === row) this.kept.delete(run);
  }

  /** All who ask in one turn of the loop ask together. */
  private ask(run: string): Promise<Rows> {
    if (this.asked === undefined || this.asked.runs.length >= READ_MAX) {
      const runs: string[] = [];
      this.asked = { runs, rows: this.read(runs) };
    }
    this.asked.runs.push(run);
    return this.asked.rows;
  }

  private async read(runs: readonly string[]): Promise<Rows> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.asked?.runs === runs) this.asked = undefined;
    const rows = await this.options.read(this.options.project, runs);
    return new Map(rows.map((row) => [row.id, row]));
  }
}

type Rows = ReadonlyMap<string, RunTraitsRow>;
