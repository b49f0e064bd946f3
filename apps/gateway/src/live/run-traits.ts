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
import type { EventType } from '#core';
import type { Feed, Lease } from '#feed';
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

type Rows = ReadonlyMap<string, RunTraitsRow>;
/** One statement. */
interface Question {
  readonly runs: Set<string>;
  /** Heard to have changed since it was asked. */
  readonly changed: Set<string>;
  readonly rows: Promise<Rows>;
}

/**
 * What the rows of one project's runs say and their events do not. Of all of it only labels change,
 * and by a CHANGED: this hears them all, and what it knew of the run is forgotten. So what is
 * answered for an event is never older than the event, once the batch that brought it is over.
 */
export class RunTraits {
  private readonly kept = new Map<string, RunTraitsRow>();
  private readonly lease: Lease;
  private readonly hearing = new Subscription();
  private readonly asked = new Set<Question>();
  /** All who ask in one turn of the loop ask together. */
  private gathering: Question | undefined;

  constructor(private readonly options: RunTraitsOptions) {
    const { feed, project } = options;
    this.lease = feed.follow();
    const types = new Set<EventType>(['CHANGED']);
    const { events$ } = this.lease.tail({ projects: new Set([project]), filter: { types } });
    this.hearing.add(
      events$.subscribe((events) => {
        for (const { run } of events) this.forget(run);
      }),
    );
  }

  stop(): void {
    this.hearing.unsubscribe();
    this.lease.release();
    this.kept.clear();
  }

  known(run: string): RunTraitsRow | undefined {
    return this.kept.get(run);
  }

  /** Its row will be wanted: read while the frame is gathered, it holds up nothing then. */
  expect(run: string): void {
    if (!this.kept.has(run) && this.questionOf(run) === undefined) this.gather(run);
  }

  /**
   * Asks until it is answered; nothing when the signal is given before. What was replayed may be
   * ahead of what is heard here: for that no earlier answer is good enough.
   */
  async ask(runs: Iterable<string>, signal: AbortSignal, isReplayed: boolean): Promise<Rows> {
    const nothing: Rows = new Map();
    if (signal.aborted) return nothing;
    const delay = (_error: unknown, count: number) =>
      timer(Math.min(RETRY.firstMs * 2 ** (count - 1), RETRY.maxMs), this.options.scheduler);
    const rows$ = defer(() => this.askOnce(runs, isReplayed));
    const over$ = fromEvent(signal, 'abort');
    const answer$ = rows$.pipe(retry({ delay }), takeUntil(over$));
    return await firstValueFrom(answer$, { defaultValue: nothing });
  }

  private async askOnce(runs: Iterable<string>, isReplayed: boolean): Promise<Rows> {
    const questions = new Set<Question>();
    for (const run of runs) {
      const open = isReplayed ? undefined : this.questionOf(run);
      questions.add(open ?? this.gather(run));
    }
    const answers = await Promise.all([...questions].map(({ rows }) => rows));
    return new Map(answers.flatMap((rows) => [...rows]));
  }

  private questionOf(run: string): Question | undefined {
    for (const question of this.asked) {
      if (question.runs.has(run) && !question.changed.has(run)) return question;
    }
    return undefined;
  }

  private gather(run: string): Question {
    const isFull = (this.gathering?.runs.size ?? READ_MAX) >= READ_MAX;
    if (this.gathering === undefined || isFull) this.gathering = this.begin();
    this.gathering.runs.add(run);
    return this.gathering;
  }

  private begin(): Question {
    const runs = new Set<string>();
    const changed = new Set<string>();
    const question: Question = { runs, changed, rows: this.read(runs, () => sent(), changed) };
    const sent = (): void => {
      if (this.gathering === question) this.gathering = undefined;
    };
    this.asked.add(question);
    const over = (): boolean => this.asked.delete(question);
    question.rows.then(over, over);
    return question;
  }

  private async read(
    runs: ReadonlySet<string>,
    sent: () => void,
    changed: ReadonlySet<string>,
  ): Promise<Rows> {
    await new Promise((resolve) => setImmediate(resolve));
    sent();
    const rows = await this.options.read(this.options.project, [...runs]);
    for (const row of rows) if (!changed.has(row.id)) this.keep(row);
    return new Map(rows.map((row) => [row.id, row]));
  }

  private keep(row: RunTraitsRow): void {
    this.kept.set(row.id, row);
    if (this.kept.size <= KEPT_MAX) return;
    for (const oldest of this.kept.keys()) {
      this.kept.delete(oldest);
      return;
    }
  }

  private forget(run: string): void {
    this.kept.delete(run);
    for (const { changed } of this.asked) changed.add(run);
  }
}
