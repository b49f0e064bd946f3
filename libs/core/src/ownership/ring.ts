import { hash32 } from '../kernel/hash.js';

const POINTS_PER_THREAD = 128;
/** The most owned over the mean, rounded up (bounded load). */
const LOAD_BOUND = 1.25;

/**
 * Who should own what: consistent hashing with bounded load, a pure function of the members, so
 * that every thread comes to the same answer. Index: partition. Undefined with no members.
 */
export function placement(
  threads: readonly string[],
  partitions: number,
): readonly string[] | undefined {
  if (threads.length === 0) return undefined;
  const points = threads
    .flatMap((thread) =>
      Array.from({ length: POINTS_PER_THREAD }, (_, i) => ({
        thread,
        at: hash32(`${thread}#${i}`),
      })),
    )
    .sort((a, b) => a.at - b.at || (a.thread < b.thread ? -1 : 1));
  const bound = Math.max(1, Math.floor((partitions / threads.length) * LOAD_BOUND));
  const most = bound * threads.length >= partitions ? bound : bound + 1;
  const load = new Map<string, number>();
  const owners: string[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const at = hash32(`partition/${partition}`);
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((points[middle]?.at ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    for (let i = 0; i < points.length; i++) {
      const { thread } = points[(low + i) % points.length] as { thread: string };
      const has = load.get(thread) ?? 0;
      if (has >= most) continue;
      load.set(thread, has + 1);
      owners.push(thread);
      break;
    }
  }
  return owners;
}
