import { type Observable, filter, map } from 'rxjs';
import { type Live, type Topics, decodeEnvelope, encodeEnvelope, liveCodec } from '#protocol';

/** The part of an MQTT client that the feed needs; `Mqtt` of #mqtt fits. */
export interface Wire {
  publish(topic: string, payload: string): boolean;
  messages$(filter: string): Observable<{ readonly topic: string; readonly payload: Buffer }>;
  readonly up$: Observable<boolean>;
}

/** What threads say live: one emission a message, which is a batch of about a hundred items. */
export function live$(
  wire: Wire,
  topics: Topics,
  poison: (topic: string, why: string) => void,
): Observable<readonly Live[]> {
  return wire.messages$(topics.live('+')).pipe(
    // The wish of other gateways stands beside what it asks for.
    filter(({ topic }) => topic !== topics.liveWant),
    map(({ topic, payload }) => {
      const decoded = decodeEnvelope(liveCodec, payload);
      if (decoded.ok) return decoded.envelope.items;
      poison(topic, decoded.why);
      return [];
    }),
    filter((items) => items.length > 0),
  );
}

export function sayWanted(
  wire: Wire,
  topics: Topics,
  sender: string,
  partitions: readonly number[],
): void {
  const items = [{ kind: 'want', partitions }] as const;
  wire.publish(topics.liveWant, encodeEnvelope(liveCodec, { sender, session: '', items }));
}
