import type { NodeView, OwnedView } from '../store/port.js';
import type { Millis } from '../kernel/machine.js';
import { placement } from './placement.js';

/** Architecture §4, "When one may claim". */
export const OWNERSHIP = {
  ownerStaleAfterMs: 3_000,
  willStaleAfterMs: 1_000,
  handOffAfterMs: 2_000,
  quietAfterClaimMs: 10_000,
  /** Our own touches must have succeeded without a gap for so long before we call another stale. */
  steadyForMs: 1_500,
  /** So long without the broker, beside others that have it, and it works at nothing. */
  deafAfterMs: 2_000,
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
  /** How long our touches have succeeded without a gap. */
  readonly steadyMs: Millis;
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
  const { self, dead } = input;
  const fresh = input.members.filter((m) => m.ageMs < staleAfter(m.thread, dead));
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

const staleAfter = (thread: string, dead: ReadonlySet<string>): Millis =>
  dead.has(thread) ? OWNERSHIP.willStaleAfterMs : OWNERSHIP.ownerStaleAfterMs;

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
  const isStale = !there.has(owner);
  if (isStale) return input.steadyMs >= OWNERSHIP.steadyForMs ? claim : undefined;
  const claimedMsAgo = partition.claimedMsAgo ?? Number.MAX_SAFE_INTEGER;
  if (claimedMsAgo < OWNERSHIP.quietAfterClaimMs && !deaf.has(owner)) return undefined;
  if (partition.wantedBy !== self) return { kind: 'want', partition: id };
  return (partition.wantedMsAgo ?? 0) >= OWNERSHIP.handOffAfterMs ? claim : undefined;
}
