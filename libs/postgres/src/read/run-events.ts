import type { RunEvent } from '#core';
import { decodeSegment } from '#protocol';
import { type Reader, utf8 } from './reader.js';

export interface RunEventsRequest {
  readonly run: string;
  readonly partition: number;
  /** The seqs of the run's events, as its row lists them. */
  readonly seqs: readonly number[];
  /** No event of the run is older: it spares the days before. */
  readonly since: number;
}

/** The events of one run, oldest first; those that the journal no longer has are left out. */
export async function readRunEvents(
  reader: Reader,
  request: RunEventsRequest,
): Promise<RunEvent[]> {
  const { run, partition, seqs, since } = request;
  if (seqs.length === 0) return [];
  const segments = await reader.query<{ seq: number; events: string }>(
    `select distinct j.seq, ${utf8('j.events')} as events
      from unnest($2::int8[]) s(seq) cross join lateral (
        select q.seq, q.n, q.events from journal q
          where q.partition = $1::int2 and q.seq <= s.seq
            and q.at >= to_timestamp($3::float8 / 1000) - interval '1 minute'
          order by q.seq desc limit 1) j
      where s.seq < j.seq + j.n order by j.seq`,
    [partition, `{${seqs.join(',')}}`, since],
  );
  const wanted = new Set(seqs);
  return segments
    .flatMap(({ seq, events }) => decodeSegment(events, seq))
    .filter((event) => event.run === run && wanted.has(event.seq));
}
