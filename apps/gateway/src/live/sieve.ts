import type { FeedEvent } from '#feed';
import type { RowFilter } from './live-runs.js';
import type { RunTraits } from './run-traits.js';
import type { RunTraitsRow } from '#postgres';

/** Keeps the events whose run's row is wanted: what only the row says (decision 19). */
export class Sieve {
  constructor(
    private readonly traits: RunTraits,
    private readonly filter: RowFilter,
    /** Lets the traits go. */
    readonly leave: () => void,
  ) {}

  /** These will be passed. */
  expect(events: readonly FeedEvent[]): void {
    for (const { run } of events) this.traits.expect(run);
  }

  /**
   * At once where all rows are known: not before the batch is over that brought the events.
   * Nothing, when the signal is given before they are.
   */
  pass(
    events: readonly FeedEvent[],
    signal: AbortSignal,
  ): readonly FeedEvent[] | Promise<readonly FeedEvent[]> {
    const rows: (RunTraitsRow | undefined)[] = [];
    const unknown = new Set<string>();
    for (const { run } of events) {
      const row = this.traits.known(run);
      rows.push(row);
      if (row === undefined) unknown.add(run);
    }
    if (unknown.size === 0) return this.sift(events, (_run, i) => rows[i]);
    return this.traits
      .ask(unknown, signal, false)
      .then((asked) => this.sift(events, (run, i) => rows[i] ?? asked.get(run)));
  }

  /** Rows that are read now: a replay may be ahead of what is known. */
  async replayed(events: readonly FeedEvent[], signal: AbortSignal): Promise<readonly FeedEvent[]> {
    if (events.length === 0) return events;
    const runs = new Set(events.map(({ run }) => run));
    const rows = await this.traits.ask(runs, signal, true);
    return this.sift(events, (run) => rows.get(run));
  }

  private sift(
    events: readonly FeedEvent[],
    rowOf: (run: string, i: number) => RunTraitsRow | undefined,
  ): readonly FeedEvent[] {
    return events.filter(({ run }, i) => {
      const row = rowOf(run, i);
      return row !== undefined && isWanted(row, this.filter);
    });
  }
}

function isWanted(row: RunTraitsRow, filter: RowFilter): boolean {
  const { labels, kinds, submittedAfter, submittedBefore } = filter;
  return (
    (kinds === undefined || kinds.has(row.kind)) &&
    (submittedAfter === undefined || row.submittedAt > submittedAfter) &&
    (submittedBefore === undefined || row.submittedAt < submittedBefore) &&
    (labels === undefined || hasAll(row.labels, labels))
  );
}

function hasAll(has: RunTraitsRow['labels'], wanted: ReadonlyMap<string, string>): boolean {
  for (const [key, text] of wanted) if (has[key] !== text) return false;
  return true;
}
