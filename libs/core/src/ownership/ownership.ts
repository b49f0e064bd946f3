import type { NodeView, OwnedView } from '../store/port.js';
import type { Millis } from '../kernel/machine.js';
import { placement } from './placement.js';

/** Architecture §4, "When one may claim". */
export const OWNERSHIP = {
  ownerStaleAfterMs: 3_000,
  willStaleAfterMs: 1_000,
  handOffAfterMs: 2_000,
  quietAfterClaimMs: 10_000,
  /** Our own touches must have succeeded for so long before we call another stale. */
  steadyForMs: 1_500,
  /** And we must have looked for so long, and seen it say nothing; after its last will less. */
  quietForMs: 1_000,
  willQuietForMs: 500,
  /** A want that nobody has heeded is said anew: it may be of another time. */
  wantLastsMs: 10_000,
  /** So long without the broker, beside others that have it, and it works at nothing. */
  /** Longer than one notices it later than another: a silent broker is missed in 2.5-7.5 s. */
  deafAfterMs: 6_000,
  /** So long they must have had it: after a broker's restart one hears before the other. */
  hearsAfterMs: 3_000,
  /** So many owners in a row gave it up. */
  sickAfter: 3,
  restMs: 1_000,
  sickRestMs: 5_000,
  sickRestMsMax: 60_000,
} as const;

export interface OwnershipInput {
  readonly self: string;
  /** How long our touches have succeeded. */
  readonly steadyMs: Millis;
  /** How long we have looked at each of the others while it said nothing. */
  readonly quietMs: ReadonlyMap<string, Millis>;
  readonly members: readonly NodeView[];
  readonly partitions: readonly OwnedView[];
  /** Threads whose last will was seen in their present session. */
  readonly dead: ReadonlySet<string>;
  /** What this thread holds in memory, by epoch. */
  readonly held: ReadonlyMap<number, number>;
}
export type OwnershipAction =
  | { readonly kind: 'claim'; readonly partition: number; readonly expected: number }
  | { readonly kind: 'want'; readonly partition: number }
  /** We hold it and another should: let go. */
  | {
      readonly kind: 'release';
      readonly partition: number;
      readonly epoch: number;
      readonly to: string;
    }
  /** We hold an epoch that is no longer the current one. */
  | { readonly kind: 'drop'; readonly partition: number };

/** From what the tables say to what to do now; the same input gives the same actions. */
export function decideOwnership(input: OwnershipInput): OwnershipAction[] {
  const { self } = input;
  const fresh = input.members.filter((member) => !isStale(input, member));
  const there = new Set([...fresh.map((m) => m.thread), self]);
  const deaf = deafBesideOthers(fresh);
  const members = [...there].filter((thread) => !deaf.has(thread));
  const owners = input.partitions.map((partition) => partition.owner);
  const target = placement(members.sort(), owners);
  const actions: OwnershipAction[] = [];
  for (const partition of input.partitions) {
    const action = decide(input, partition, target?.[partition.id], { there, deaf });
    if (action !== undefined) actions.push(action);
  }
  return actions;
}

/**
 * They are there and own what they own, but can neither hear executors nor speak to them: what they
 * have is for others to ask for. When nobody hears, it is the broker, and nothing moves.
 */
function deafBesideOthers(members: readonly NodeView[]): ReadonlySet<string> {
  if (!members.some(({ hearsMs }) => hearsMs >= OWNERSHIP.hearsAfterMs)) return new Set();
  const deaf = members.filter(({ hearsMs }) => hearsMs <= -OWNERSHIP.deafAfterMs);
  return new Set(deaf.map(({ thread }) => thread));
}

/** What was given up is tried again after a while; from the third time on with more and more. */
function isResting({ gaveUp, gaveUpMsAgo }: OwnedView): boolean {
  if (gaveUp === 0 || gaveUpMsAgo === null) return false;
  const { restMs, sickRestMs, sickRestMsMax, sickAfter } = OWNERSHIP;
  if (gaveUp < sickAfter) return gaveUpMsAgo < restMs;
  return gaveUpMsAgo < Math.min(sickRestMsMax, sickRestMs * 2 ** (gaveUp - sickAfter));
}

/** Its row alone is no proof: it may have stood still with the database, or we may have. */
function isStale({ dead, quietMs }: OwnershipInput, { thread, ageMs }: NodeView): boolean {
  const { willStaleAfterMs, willQuietForMs, ownerStaleAfterMs, quietForMs } = OWNERSHIP;
  const quiet = quietMs.get(thread) ?? 0;
  if (dead.has(thread)) return ageMs >= willStaleAfterMs && quiet >= willQuietForMs;
  return ageMs >= ownerStaleAfterMs && quiet >= quietForMs;
}

function decide(
  input: OwnershipInput,
  partition: OwnedView,
  target: string | undefined,
  { there, deaf }: Readonly<Record<'there' | 'deaf', ReadonlySet<string>>>,
): OwnershipAction | undefined {
  const { self } = input;
  const { id, epoch, owner } = partition;
  const held = input.held.get(id);
  if (held !== undefined && held < epoch) return { kind: 'drop', partition: id };
  if (held !== undefined) {
    const to = partition.wantedBy;
    const isWanted = to !== null && to !== self && target !== self && there.has(to);
    return isWanted ? { kind: 'release', partition: id, epoch, to } : undefined;
  }
  const claim: OwnershipAction = { kind: 'claim', partition: id, expected: epoch };
  // Ours by the table, not in memory: a start with the same name, or a claim's answer was lost.
  if (owner === self) return claim;
  if (target !== self) return undefined;
  if (owner === null) return isResting(partition) ? undefined : claim;
  // Who stops takes its row away: that is its word, not our guess.
  const hasLeft = !input.members.some(({ thread }) => thread === owner);
  if (hasLeft) return claim;
  if (!there.has(owner)) return input.steadyMs >= OWNERSHIP.steadyForMs ? claim : undefined;
  const claimedMsAgo = partition.claimedMsAgo ?? Number.MAX_SAFE_INTEGER;
  if (claimedMsAgo < OWNERSHIP.quietAfterClaimMs && !deaf.has(owner)) return undefined;
  const wantedMsAgo = partition.wantedMsAgo ?? 0;
  if (partition.wantedBy !== self || wantedMsAgo > OWNERSHIP.wantLastsMs) {
    return { kind: 'want', partition: id };
  }
  return wantedMsAgo >= OWNERSHIP.handOffAfterMs ? claim : undefined;
}
