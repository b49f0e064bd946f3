import { hash32 } from '../kernel/hash.js';

/** The most owned over the mean (bounded load). */
const LOAD_BOUND = 1.25;

/**
 * Who should own what: consistent hashing with bounded load that leaves in place what may stay.
 * A function of the members and of who owns what by the table, so every thread that reads the same
 * comes to the same answer. Index: partition. Undefined with no members.
 */
export function placement(
  threads: readonly string[],
  owners: readonly (string | null)[],
): readonly string[] | undefined {
  if (threads.length === 0) return undefined;
  const share = owners.length / threads.length;
  const most = Math.max(Math.ceil(share), Math.floor(share * LOAD_BOUND));
  const least = Math.floor(share);
  if (isSettled(threads, owners, least, most)) return owners;
  const held = new Map<string, number[]>(threads.map((thread) => [thread, []]));
  const free: number[] = [];
  for (const [partition, owner] of owners.entries()) {
    const has = owner === null ? undefined : held.get(owner);
    (has ?? free).push(partition);
  }
  for (const [thread, has] of held) {
    if (has.length > most) free.push(...has.sort(byScore(thread)).splice(most));
  }
  for (const partition of free.sort((a, b) => a - b)) {
    const rooms = [...held].filter(([, has]) => has.length < most);
    const needy = rooms.filter(([, has]) => has.length < least);
    best(partition, needy.length > 0 ? needy : rooms)?.push(partition);
  }
  for (const [thread, has] of held) while (has.length < least) has.push(takeFor(thread, held));
  return ownersOf(held, owners.length);
}

/** As it is twice a second, nearly always: nothing is to be moved. */
function isSettled(
  threads: readonly string[],
  owners: readonly (string | null)[],
  least: number,
  most: number,
): owners is readonly string[] {
  const counts = new Map<string | null, number>(threads.map((thread) => [thread, 0]));
  for (const owner of owners) {
    const count = counts.get(owner);
    if (count === undefined) return false;
    counts.set(owner, count + 1);
  }
  for (const count of counts.values()) if (count < least || count > most) return false;
  return true;
}

/** How near a thread is to a partition on the ring. */
const score = (thread: string, partition: number): number => hash32(`${thread}/${partition}`);

const byScore =
  (thread: string) =>
  (a: number, b: number): number =>
    score(thread, a) - score(thread, b) || a - b;

function best(
  partition: number,
  among: readonly (readonly [string, number[]])[],
): number[] | undefined {
  let nearest: readonly [string, number[]] | undefined;
  for (const each of among) {
    const isNearer =
      nearest === undefined || score(each[0], partition) < score(nearest[0], partition);
    if (isNearer) nearest = each;
  }
  return nearest?.[1];
}

/** From who has most: what is nearest to the one that has too little. */
function takeFor(thread: string, held: ReadonlyMap<string, number[]>): number {
  const fullest = [...held.values()].reduce((a, b) => (b.length > a.length ? b : a));
  const [partition] = [...fullest].sort(byScore(thread));
  if (partition === undefined) throw new Error('nobody has anything to give');
  fullest.splice(fullest.indexOf(partition), 1);
  return partition;
}

function ownersOf(held: ReadonlyMap<string, readonly number[]>, partitions: number): string[] {
  const owners = Array.from({ length: partitions }, () => '');
  for (const [thread, has] of held) for (const partition of has) owners[partition] = thread;
  return owners;
}
