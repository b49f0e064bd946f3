import type { EventType, JobKind, RunState } from '#core';
import type { FeedEvent } from '#feed';
import type { Stream } from './pull.js';

/** The provider's token in Nest. */
export const LIVE_RUNS = Symbol('live-runs');

/** Each set narrows, one left out does not; an event passes when it is in all that are given. */
export interface RunEventFilter {
  readonly runs?: ReadonlySet<string> | undefined;
  /** Job ids. */
  readonly jobs?: ReadonlySet<string> | undefined;
  /** States that the run entered. */
  readonly states?: ReadonlySet<RunState> | undefined;
  readonly executors?: ReadonlySet<string> | undefined;
  readonly types?: ReadonlySet<EventType> | undefined;
}

/** What only the run's row says: asked of it as it is when the event is read (decision 19). */
export interface RowFilter {
  readonly kinds?: ReadonlySet<JobKind> | undefined;
  /** All of these, each with its text. */
  readonly labels?: ReadonlyMap<string, string> | undefined;
  readonly submittedAfter?: number | undefined;
  readonly submittedBefore?: number | undefined;
}

export interface EventFrame {
  /** Where a stream goes on after this frame: opaque, for `after`. */
  readonly cursor: string;
  readonly events: readonly FeedEvent[];
  /** About how long all of it is: the measure of what is held for readers. */
  readonly chars: number;
}

export interface EventsRequest {
  /** What the subscriber may see: nothing else reaches it, whatever the filter. */
  readonly projects: readonly string[];
  readonly filter: RunEventFilter;
  /** Of runs of one project; left out: the events alone decide. */
  readonly row?: RowFilter | undefined;
  /**
   * Where all of it happens, when that is known (one run, its tasks): only this partition is
   * followed, and cursors are as short as (partition, seq). Left out: every partition.
   */
  readonly partition?: number | undefined;
  /** A cursor of an earlier frame, or of a page that was read in one snapshot with its heads. */
  readonly after?: string | undefined;
}

export interface RunPlace {
  readonly id: string;
  readonly partition: number;
}

export interface RunSignal {
  /** Read the run now, and it shows at least this (partition, seq). */
  readonly cursor: string;
}

export type LiveError =
  /** Older than the journal is kept, or of a cluster that was restored since: read anew. */
  | { readonly kind: 'CURSOR_EXPIRED'; readonly oldest: string }
  | { readonly kind: 'BAD_CURSOR' }
  /** Its reader takes too little; everything after `resume` is in the journal. */
  | { readonly kind: 'SLOW_CONSUMER'; readonly resume: string };

/** How a stream ends when it cannot go on: thrown out of the iterator, with a closed union. */
export class LiveFailure extends Error {
  override readonly name = 'LiveFailure';

  constructor(readonly error: LiveError) {
    super(error.kind);
  }
}

export interface LiveRuns {
  /**
   * Without `after` the first frame is empty, the snapshot's cursor: subscribe, take it, read, and
   * nothing is missed. With it: everything since, in pages, then live. Ends by LiveFailure.
   * `return()` lets go of everything at once, also while a `next()` waits.
   */
  events(request: EventsRequest): Stream<EventFrame>;
  /** A signal at once and after every change of the run; conflated for a slow reader. */
  changed(run: RunPlace): Stream<RunSignal>;
}
