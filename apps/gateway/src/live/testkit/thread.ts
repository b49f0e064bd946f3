import { type PartitionWrites, type RunEvent, noWrites } from '#core';
import type { Mqtt } from '#mqtt';
import { type Connection, commitBatch } from '#postgres';
import {
  LIVE,
  type Live,
  type Topics,
  decodeEnvelope,
  encodeEnvelope,
  encodeSegment,
  liveCodec,
} from '#protocol';

export const PROJECT = '11111111-1111-4111-8111-111111111111';
export const STRANGER = '22222222-2222-4222-8222-222222222222';

export function eventOf(run: string, more: Partial<RunEvent> = {}): RunEvent {
  return {
    seq: 0,
    at: Date.UTC(2026, 0, 1),
    type: 'CHANGED',
    run,
    project: PROJECT,
    job: null,
    from: null,
    to: 'READY',
    attempt: 0,
    executor: null,
    actor: null,
    data: null,
    ...more,
  };
}

/** What one segment becomes on the wire: nothing, itself, twice, later. */
export type Fault = (item: Live) => readonly Live[];

/**
 * A scheduler thread as the gateway sees it: the real commit, then segments to those who follow. It
 * owns every partition (epoch 0) and decides nothing.
 */
export class TestThread {
  private readonly followedUntil = new Map<number, number>();
  private readonly stopListening: () => void;
  fault: Fault = (item) => [item];
  /** Segments that nobody asked for, or that the fault took. */
  unsaid = 0;

  constructor(
    private readonly commits: Connection,
    private readonly mqtt: Mqtt,
    private readonly topics: Topics,
    private readonly heads: Map<number, number>,
  ) {
    this.stopListening = mqtt.subscribe(topics.liveWant, (_topic, payload) => {
      const decoded = decodeEnvelope(liveCodec, payload);
      for (const item of decoded.ok ? decoded.envelope.items : []) {
        if (item.kind === 'want') this.want(item.partitions);
      }
    });
  }

  isFollowed(partition: number): boolean {
    return (this.followedUntil.get(partition) ?? 0) > performance.now();
  }

  stop(): void {
    this.stopListening();
  }

  /** One commit over some partitions, each with its events. */
  async commit(events: ReadonlyMap<number, readonly RunEvent[]>): Promise<void> {
    const writes = [...events].map(([partition, own]) => writesOf(partition, own));
    await commitBatch(this.commits, writes, null);
    const items: Live[] = [];
    for (const { partition, segment, events: n } of writes) {
      const seq = (this.heads.get(partition) ?? 0) + 1;
      this.heads.set(partition, seq + n - 1);
      const item = { kind: 'segment', partition, seq, n, events: segment ?? '' } as const;
      const said = this.isFollowed(partition) ? this.fault(item) : [];
      if (said.length === 0) this.unsaid++;
      items.push(...said);
    }
    this.say(items);
  }

  one(partition: number, ...events: RunEvent[]): Promise<void> {
    return this.commit(new Map([[partition, events]]));
  }

  say(items: readonly Live[]): void {
    if (items.length === 0) return;
    const envelope = { sender: 't.0', session: '', items };
    this.mqtt.publish(this.topics.live('t.0'), encodeEnvelope(liveCodec, envelope));
  }

  private want(partitions: readonly number[]): void {
    for (const id of partitions) this.followedUntil.set(id, performance.now() + LIVE.lapseMs);
  }
}

function writesOf(partition: number, events: readonly RunEvent[]): PartitionWrites {
  return { ...noWrites(partition, 0), segment: encodeSegment(events), events: events.length };
}
