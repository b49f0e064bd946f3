import {
  type Connection,
  type JournalBounds,
  type JournalHead,
  type JournalPage,
  type JournalPlace,
  readHeads,
  readJournal,
  readOldest,
} from '#postgres';

/** The journal as the feed reads it; a read that fails rejects, and changes nothing. */
export interface Journal {
  heads(partitions: readonly number[]): Promise<{
    readonly life: string;
    readonly heads: readonly JournalHead[];
  }>;
  /** For a gap in what is live: never behind somebody's replay. */
  fill(places: readonly JournalPlace[], bounds: JournalBounds): Promise<readonly JournalPage[]>;
  /** The heads again, for replays: what is live waits for none of them. */
  targets(partitions: readonly number[]): ReturnType<Journal['heads']>;
  /** With the signal nobody waits for it any more: it need not be read. */
  replay(
    places: readonly JournalPlace[],
    bounds: JournalBounds,
    signal?: AbortSignal,
  ): Promise<readonly JournalPage[]>;
  oldest(): Promise<readonly JournalHead[]>;
}

export interface JournalConnections {
  /** Heads and gaps. */
  readonly live: Connection;
  /** Replays, as long as history is; their targets, and the oldest places. */
  readonly replays: Connection;
}

/** Both connections are of the role `orrery_feed`. */
export const postgresJournal = ({ live, replays }: JournalConnections): Journal => ({
  heads: (partitions) => readHeads(live, partitions),
  fill: (places, bounds) => readJournal(live, places, bounds),
  targets: (partitions) => readHeads(replays, partitions),
  replay: (places, bounds, signal) => readJournal(replays, places, bounds, signal),
  oldest: () => readOldest(replays),
});
