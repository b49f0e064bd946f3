import type { FeedEvent } from '#feed';
import type { RowFilter } from './live-runs.js';
import type { RunTraits } from './run-traits.js';
import type { RunTraitsRow } from '#postgres';

/** Keeps the events whose run's row is wanted: what only the row says (decision 15). */
export class Sieve {
  constructor(
    private readonly traits: RunTraits,
    private readonly filter: RowFilter,
    /** Lets the traits go. */
    readonly leave: () => void,
  ) {}

  /** Nothing, when the signal is given before it is known. */
  async pass(
    events: readonly FeedEvent[],
    signal: AbortSignal,
    isReplayed = false,
  ): Promise<readonly FeedEvent[]> {
    const known = await this.traits.of(events, signal, isReplayed);
    return events.filter(({ run }) => {
      const row = known.get(run);
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
    (labels === undefined || [...labels].every(([key, text]) => row.labels[key] === text))
  );
}
