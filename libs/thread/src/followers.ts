import { LIVE } from '#protocol';
import type { OwnedPartition } from './partition/owned.js';
import type { Batch } from './batch.js';
import type { Post } from './post.js';
import { segmentsOf } from './segments.js';

/** Which partitions somebody follows; what is committed there is said live (architecture §8). */
export class Followers {
  /** Until when, by partition; interest is restated. */
  private readonly until = new Map<number, number>();

  constructor(private readonly post: Post) {}

  want(partitions: readonly number[], now: number): void {
    for (const partition of partitions) this.until.set(partition, now + LIVE.lapseMs);
  }

  publish(batch: Batch, now: number): void {
    for (const { partition, events, segment } of batch.partitions.values()) {
      if (segment === undefined || !this.isFollowed(partition, now)) continue;
      for (const { seq, n, text } of segmentsOf(events, segment)) {
        this.post.toFollowers({ kind: 'segment', partition, seq, n, events: text });
      }
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
