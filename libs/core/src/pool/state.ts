import type { Heap } from '../kernel/heap.js';
import type { Millis } from '../kernel/machine.js';

export interface Offer {
  readonly run: string;
  readonly partition: number;
  readonly rank: number;
  readonly need: string;
  /** Executors it must not go to for now. */
  readonly avoid: readonly string[];
}
export interface Offered extends Offer {
  readonly id: string;
  statedAt: Millis;
}
export interface Seat {
  readonly id: string;
  incarnation: number;
  slots: number;
  capabilities: ReadonlySet<string>;
  /** Runs we believe it holds, by when they were matched. */
  readonly held: Map<string, Millis>;
  /** What it holds beside, by its own word. */
  others: number;
  /** It said that it is full: no more before this time. */
  blockedUntil: Millis;
}
export interface Need {
  readonly queue: Heap<Offered>;
  /** Executors that serve this need, in turn. */
  seats: Seat[];
  turn: number;
}
export interface Matched {
  readonly executor: string;
  readonly partition: number;
  readonly at: Millis;
}
export interface PoolState {
  readonly name: string;
  readonly seats: Map<string, Seat>;
  readonly offers: Map<string, Offered>;
  readonly needs: Map<string, Need>;
  readonly matched: Map<string, Matched>;
}

export type PoolMessage =
  | ({ readonly kind: 'offer' } & Offer)
  | { readonly kind: 'withdraw'; readonly run: string }
  | { readonly kind: 'granted'; readonly run: string; readonly executor: string }
  | { readonly kind: 'declined'; readonly run: string; readonly executor: string }
  | { readonly kind: 'freed'; readonly run: string; readonly executor: string }
  | { readonly kind: 'bounced'; readonly run: string; readonly executor: string }
  | {
      readonly kind: 'seat';
      readonly executor: string;
      readonly incarnation: number;
      readonly slots: number;
      readonly capabilities: readonly string[];
    }
  | { readonly kind: 'unseat'; readonly executor: string }
  | {
      readonly kind: 'beat';
      readonly executor: string;
      readonly slots: number;
      readonly busy: number;
    }
  /** The partition has another owner, who knows of no match that is not answered yet. */
  | { readonly kind: 'moved'; readonly partition: number }
  /** Make what matches there are. */
  | { readonly kind: 'match' }
  | { readonly kind: 'tick' };

export interface Match {
  readonly kind: 'match';
  /** Whose match it is: it hears the answer. */
  readonly pool: string;
  readonly run: string;
  readonly partition: number;
  readonly executor: string;
  readonly incarnation: number;
}

export const POOL_LIMITS = {
  matchLapsesMs: 1_000,
  /** An offer that its partition no longer restates is forgotten. */
  offerLapsesMs: 10_000,
  /** Matches younger than this may be unknown to the beat that is being read. */
  beatBlindMs: 1_500,
  blockedMs: 500,
  /** Entries of a queue beyond twice the offers there are: then what has gone is cleared away. */
  queueSlack: 64,
} as const;

export function emptyPool(name: string): PoolState {
  return { name, seats: new Map(), offers: new Map(), needs: new Map(), matched: new Map() };
}

export const freeOf = (s: Seat, now: Millis): number =>
  s.blockedUntil > now ? 0 : s.slots - s.held.size - s.others;

/** What a person may ask of a pool. */
export function viewPool(state: PoolState, now: Millis) {
  let slots = 0;
  let busy = 0;
  for (const s of state.seats.values()) {
    slots += s.slots;
    busy += s.slots - Math.max(0, freeOf(s, now));
  }
  return { name: state.name, executors: state.seats.size, slots, busy, offered: state.offers.size };
}
