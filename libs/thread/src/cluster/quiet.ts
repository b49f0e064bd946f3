import type { ClusterView, Millis } from '#core';

/** Its time in two views may differ by the time that they took. */
const SAME_MS = 100;
/** Looks come twice a second. Of a longer gap little is known: the others may have stood still. */
const GAP_MS = 1_500;
const GAP_COUNTS_MS = 250;

/** How long each of the others has said nothing while we looked. */
export class Quiet {
  private at: Millis | undefined;
  private readonly seen = new Map<string, Millis>();
  private readonly quiet = new Map<string, Millis>();

  get ms(): ReadonlyMap<string, Millis> {
    return this.quiet;
  }

  saw({ at, nodes }: ClusterView): void {
    const gap = at - (this.at ?? at);
    const counts = gap > GAP_MS ? GAP_COUNTS_MS : gap;
    this.at = at;
    const there = new Set<string>();
    for (const { thread, ageMs } of nodes) {
      there.add(thread);
      const seen = at - ageMs;
      const before = this.seen.get(thread);
      const isSame = before !== undefined && seen - before <= SAME_MS;
      this.quiet.set(thread, isSame ? (this.quiet.get(thread) ?? 0) + counts : 0);
      if (!isSame) this.seen.set(thread, seen);
    }
    for (const thread of this.seen.keys()) {
      if (there.has(thread)) continue;
      this.seen.delete(thread);
      this.quiet.delete(thread);
    }
  }
}
