import { OWNERSHIP } from '#core';

const STALE_MS = OWNERSHIP.ownerStaleAfterMs;

export interface SeenThread {
  readonly name: string;
  readonly lastSeen: string;
}
interface Answered {
  readonly schedulers: readonly { readonly threads: readonly SeenThread[] }[];
  readonly partitions: readonly { readonly owner: string | null; readonly state: string }[];
}
export interface Seen {
  readonly ageMs: number;
  readonly isStale: boolean;
}

/**
 * How long ago each thread was last seen. The times are of the database's clock, and `clock` may be
 * another: where an owner is seen to live the newest time is about now, whatever `clock` says. What
 * the server says of an owner holds.
 */
export function seenIn({ schedulers, partitions }: Answered, clock: number) {
  const times = schedulers.flatMap(({ threads }) => threads.map(timeOf));
  const newest = Math.max(...times);
  const ownersIn = (wanted: string): ReadonlySet<string | null> =>
    new Set(partitions.filter(({ state }) => state === wanted).map(({ owner }) => owner));
  const [living, silent] = [ownersIn('OWNED'), ownersIn('STALE')];
  const isElsewhere = living.size > 0 && clock > newest + STALE_MS;
  const now = isElsewhere ? newest : Math.max(newest, clock);
  return (thread: SeenThread): Seen => {
    const age = now - timeOf(thread);
    if (living.has(thread.name)) return { ageMs: Math.min(age, STALE_MS), isStale: false };
    // The server has just found it older than that.
    const ageMs = silent.has(thread.name) ? Math.max(age, STALE_MS) : age;
    return { ageMs, isStale: ageMs >= STALE_MS };
  };
}

const timeOf = ({ lastSeen }: SeenThread): number => Date.parse(lastSeen);

/** `0.3 s ago` */
export function agoOf(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s ago`;
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s ago` : `${Math.round(ms / 60_000)} min ago`;
}
