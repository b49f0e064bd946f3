import type { EventType, RunEvent, RunState } from '#core';
import type { JournalSegment } from '#postgres';
import { decodeSegment } from '#protocol';

/** An event with its whole place: seq counts within its partition. */
export interface FeedEvent extends RunEvent {
  readonly partition: number;
}

/** A segment as it is passed on. */
export interface EventSegment {
  /** Of its first event. */
  readonly seq: number;
  readonly n: number;
  readonly events: readonly FeedEvent[];
  /** How long its text was: the measure of what is held in memory. */
  readonly chars: number;
}

/** Each set narrows; one left out does not. */
export interface FeedFilter {
  readonly runs?: ReadonlySet<string> | undefined;
  readonly jobs?: ReadonlySet<string> | undefined;
  /** States that the run entered. */
  readonly states?: ReadonlySet<RunState> | undefined;
  readonly executors?: ReadonlySet<string> | undefined;
  readonly types?: ReadonlySet<EventType> | undefined;
}

/** What may leave the feed, and what of that is wanted. */
export interface FeedQuery {
  readonly projects: ReadonlySet<string>;
  readonly filter: FeedFilter;
}

/** The role `orrery_feed` sees every project's events: this is where they are kept apart. */
export function mayLeave(event: FeedEvent, { projects, filter }: FeedQuery): boolean {
  if (!projects.has(event.project)) return false;
  const { runs, jobs, states, executors, types } = filter;
  return (
    (runs === undefined || runs.has(event.run)) &&
    (jobs === undefined || (event.job !== null && jobs.has(event.job))) &&
    (states === undefined || (event.to !== null && states.has(event.to))) &&
    (executors === undefined || (event.executor !== null && executors.has(event.executor))) &&
    (types === undefined || types.has(event.type))
  );
}

/** Undefined: no segment of a version that is known, or not as long as it says. */
export function openSegment(partition: number, sealed: JournalSegment): EventSegment | undefined {
  const { seq, n, text } = sealed;
  try {
    const events = decodeSegment(text, seq).map((event) => Object.assign(event, { partition }));
    return events.length === n && n > 0 ? { seq, n, events, chars: text.length } : undefined;
  } catch {
    return undefined;
  }
}
