import type { RunEvent } from '#core';
import { encodeSegment } from '#protocol';

/** Architecture §3, journal: a segment is at most so many events, and so many bytes. */
export const SEGMENT_MAX = { events: 1_000, bytes: 256 * 1_024 } as const;

/** Consecutive events of one partition, encoded. */
export interface Segment {
  /** Of its first event. */
  readonly seq: number;
  readonly n: number;
  readonly text: string;
}

/** Cut so that each fits its bounds; `whole`: all of them encoded, if they are already. */
export function segmentsOf(events: readonly RunEvent[], whole?: string): Segment[] {
  const [first] = events;
  if (first === undefined) return [];
  if (events.length <= SEGMENT_MAX.events) {
    const text = whole ?? encodeSegment(events);
    const fits = Buffer.byteLength(text) <= SEGMENT_MAX.bytes;
    // One event is bounded by what it may say (#protocol): it is never too large alone.
    if (fits || events.length === 1) return [{ seq: first.seq, n: events.length, text }];
  }
  const middle = Math.min(SEGMENT_MAX.events, Math.ceil(events.length / 2));
  return [...segmentsOf(events.slice(0, middle)), ...segmentsOf(events.slice(middle))];
}
