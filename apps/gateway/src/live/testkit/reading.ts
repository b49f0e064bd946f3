import { until } from '#actor';
import { type EventFrame, LiveFailure } from '../live-runs.js';
import type { Rig } from './rig.js';

const BOUND_MS = 8_000;

export type Frames = AsyncIterableIterator<EventFrame>;

/** The first frame of a stream without a cursor; by then the thread knows that it is followed. */
export async function snapshot(rig: Rig, stream: Frames, partition = 0): Promise<string> {
  const { value } = (await stream.next()) as IteratorYieldResult<EventFrame>;
  if (value.events.length > 0) throw new Error('the first frame is a snapshot: it is empty');
  await until(() => rig.thread.isFollowed(partition), BOUND_MS);
  return value.cursor;
}

export interface Read {
  readonly events: EventFrame['events'][number][];
  readonly cursor: string;
}

/** Reads frames until it has so many events. */
export async function read(stream: Frames, count: number): Promise<Read> {
  const events: EventFrame['events'][number][] = [];
  let cursor = '';
  while (events.length < count) {
    const { done, value } = await stream.next();
    if (done === true) break;
    events.push(...value.events);
    ({ cursor } = value);
  }
  return { events, cursor };
}

/** A stream that ends because its reader is slow ends with a cursor as good as any. */
export async function frameOf(stream: Frames): Promise<EventFrame & { readonly isLast: boolean }> {
  try {
    const { value } = (await stream.next()) as IteratorYieldResult<EventFrame>;
    return { ...value, isLast: false };
  } catch (error) {
    if (!(error instanceof LiveFailure) || error.error.kind !== 'SLOW_CONSUMER') throw error;
    return { cursor: error.error.resume, events: [], chars: 0, isLast: true };
  }
}

export async function failureOf(stream: AsyncIterableIterator<unknown>): Promise<unknown> {
  try {
    while ((await stream.next()).done !== true);
  } catch (error) {
    if (error instanceof LiveFailure) return error.error;
    throw error;
  }
  return undefined;
}

export const places = (events: readonly { partition: number; seq: number }[]): string[] =>
  events.map(({ partition, seq }) => `${partition}.${seq}`);

/** Within each partition, and none twice. */
export function inOrder(all: readonly string[]): boolean {
  const last = new Map<string, number>();
  return all.every((place) => {
    const [partition = '', seq] = place.split('.');
    const before = last.get(partition) ?? 0;
    last.set(partition, Number(seq));
    return Number(seq) > before;
  });
}

export async function leave(...streams: readonly AsyncIterator<unknown>[]): Promise<void> {
  for (const stream of streams) await stream.return?.();
}
