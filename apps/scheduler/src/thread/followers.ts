import { LIVE } from '#protocol';
import type { OwnedPartition } from '../partition/owned.js';
import type { Batch } from './batch.js';
import type { Post } from './post.js';

/** Quoted once more it still fits a message (MAX_MESSAGE_BYTES). */
const SEGMENT_CHARS_MAX = 384 * 1_024;

/** Which partitions somebody follows; what is committed there is said live (architecture §8). */
export class Followers {
  /** Until when, by partition; interest is restated. */
  private readonly until = new Map<number, number>();

  constructor(private readonly post: Post) {}

  want(partitions: readonly number[], now: number): void {
    for (const partition of partitions) this.until.set(partition, now + LIVE.lapseMs);
  }

  publish(batch: Batch, now: number): void {
    for (const written of batch.partitions.values()) {
      const [first] = written.events;
      if (first === undefined || written.segment === undefined) continue;
      if (!this.isFollowed(written.partition, now)) continue;
      // No message may be so large: the heads tell of it, and it is read as any gap is.
      if (written.segment.length > SEGMENT_CHARS_MAX) continue;
      this.post.toFollowers({
        kind: 'segment',
        partition: written.partition,
        seq: first.seq,
        n: written.events.length,
        events: written.segment,
      });
    }
  }

  /** Heads are restated, so that a segment that was lost before a silence is noticed. */
  sayHeads(owned: Iterable<OwnedPartition>, now: number): void {
    for (const [partition, until] of this.until) if (until <= now) this.until.delete(partition);
    const heads: { partition: number; seq: number }[] = [];
    for (const partition of owned) {
      if (this.isFollowed(partition.id, now)) {
        heads.push({ partition: partition.id, seq: partition.floors.committedHead });
      }
    }
    if (heads.length > 0) this.post.toFollowers({ kind: 'heads', heads });
  }

  private isFollowed(partition: number, now: number): boolean {
    return (this.until.get(partition) ?? 0) > now;
  }
}
