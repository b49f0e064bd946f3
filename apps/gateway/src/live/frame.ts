import type { FeedEvent } from '#feed';
import type { EventFrame } from './live-runs.js';

/** What may lie for one reader; the last batch or frame that came may stand out. */
export interface BufferBounds {
  readonly eventsMax: number;
  readonly charsMax: number;
}

/** An event without data, as it is held and as it is sent. */
const EVENT_CHARS = 256;

export function frameOf(cursor: string, events: readonly FeedEvent[]): EventFrame {
  return { cursor, events, chars: charsOf(events) };
}

export function charsOf(events: readonly FeedEvent[]): number {
  let chars = EVENT_CHARS * events.length;
  for (const { data } of events) if (data !== null) chars += JSON.stringify(data).length;
  return chars;
}
