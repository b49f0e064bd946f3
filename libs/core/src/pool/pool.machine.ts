import { Heap } from '../kernel/heap.js';
import type { Machine, Millis } from '../kernel/machine.js';
import { compareRanked } from '../kernel/window.js';
import {
  type Match,
  type Need,
  type Offer,
  type Offered,
  POOL_LIMITS,
  type PoolMessage,
  type PoolState,
  type Seat,
  freeOf,
} from './state.js';

/**
 * Which ready run goes to which free executor (architecture §7). Everything here is soft: offers
 * and beats are restated, a wrong match is declined or bounced. Invariants:
 *  Q1 an executor is never matched beyond the slots it says it has, as far as we know;
 *  Q2 among runs an executor can serve, the lowest (rank, id) leaves first;
 *  Q3 runs that nobody here can serve delay no other;
 *  Q4 a match that is not answered lapses, at once when its partition has another owner, and its
 *     run may be matched again when it is restated.
 */
export const poolMachine: Machine<PoolState, PoolMessage, Match> = {
  step(state, message, now, emit) {
    switch (message.kind) {
      case 'offer':
        offer(state, message, now);
        break;
      case 'withdraw':
        state.offers.delete(message.run);
        break;
      case 'granted':
        state.matched.delete(message.run);
        state.offers.delete(message.run);
        state.seats.get(message.executor)?.held.set(message.run, now);
        break;
      case 'declined':
      case 'freed':
        release(state, message.run, message.executor);
        break;
      case 'bounced':
        release(state, message.run, message.executor);
        block(state, message.executor, now);
        break;
      case 'seat':
        seat(state, message);
        break;
      case 'unseat':
        state.seats.delete(message.executor);
        reseat(state);
        break;
      case 'beat':
        beat(state, message, now);
        break;
      case 'moved':
        moved(state, message.partition);
        break;
      case 'match':
        matchAll(state, now, emit);
        break;
      case 'tick':
        lapse(state, now);
        break;
      default: {
        const never: never = message;
        return never;
      }
    }
    return state;
  },
};

function needOf(state: PoolState, name: string): Need {
  let need = state.needs.get(name);
  if (need === undefined) {
    const seats = [...state.seats.values()].filter((s) => s.capabilities.has(name));
    need = { queue: new Heap((a, b) => compareRanked(a, b) < 0), seats, turn: 0 };
    state.needs.set(name, need);
  }
  return need;
}

function offer(state: PoolState, message: Offer, now: Millis): void {
  if (state.matched.has(message.run)) return;
  const known = state.offers.get(message.run);
  if (
    known !== undefined &&
    known.rank === message.rank &&
    known.avoid.join(' ') === message.avoid.join(' ')
  ) {
    known.statedAt = now;
    return;
  }
  const { run, partition, rank, need, avoid } = message;
  const offered: Offered = { run, id: run, partition, rank, need, avoid, statedAt: now };
  state.offers.set(run, offered);
  needOf(state, need).queue.push(offered);
}

function release(state: PoolState, run: string, executor: string): void {
  state.matched.delete(run);
  state.offers.delete(run);
  state.seats.get(executor)?.held.delete(run);
}

function moved(state: PoolState, partition: number): void {
  for (const [run, match] of state.matched) {
    if (match.partition === partition) release(state, run, match.executor);
  }
}

function block(state: PoolState, executor: string, now: Millis): void {
  const found = state.seats.get(executor);
  if (found !== undefined) found.blockedUntil = now + POOL_LIMITS.blockedMs;
}

function seat(state: PoolState, message: Extract<PoolMessage, { kind: 'seat' }>): void {
  const known = state.seats.get(message.executor);
  if (known !== undefined && known.incarnation === message.incarnation) {
    known.slots = message.slots;
    known.capabilities = new Set(message.capabilities);
  } else {
    state.seats.set(message.executor, {
      id: message.executor,
      incarnation: message.incarnation,
      slots: message.slots,
      capabilities: new Set(message.capabilities),
      held: new Map(),
      others: 0,
      blockedUntil: 0,
    });
  }
  reseat(state);
}

function reseat(state: PoolState): void {
  const seats = [...state.seats.values()];
  for (const [name, need] of state.needs) {
    need.seats = seats.filter((s) => s.capabilities.has(name));
    need.turn = 0;
  }
}

/** A beat is the truth about slots, but for matches that it cannot know yet. */
function beat(
  state: PoolState,
  message: Extract<PoolMessage, { kind: 'beat' }>,
  now: Millis,
): void {
  const found = state.seats.get(message.executor);
  if (found === undefined) return;
  found.slots = message.slots;
  const old: string[] = [];
  for (const [run, at] of found.held) {
    if (now - at > POOL_LIMITS.beatBlindMs) old.push(run);
  }
  // Fewer than we thought: the oldest of ours have ended unheard.
  for (const run of old.slice(0, Math.max(0, old.length - message.busy))) found.held.delete(run);
  found.others = Math.max(0, message.busy - found.held.size);
}

/** Rank first, over all needs that somebody here can serve now. */
function matchAll(state: PoolState, now: Millis, emit: (match: Match) => void): void {
  if (state.offers.size === 0 || state.seats.size === 0) return;
  const stuck: Offered[] = [];
  const open = new Set([...state.needs.values()].filter((n) => n.seats.length > 0));
  while (open.size > 0) {
    let best: Need | undefined;
    let head: Offered | undefined;
    for (const need of open) {
      const first = headOf(state, need);
      if (first === undefined) open.delete(need);
      else if (head === undefined || compareRanked(first, head) < 0) {
        head = first;
        best = need;
      }
    }
    if (best === undefined || head === undefined) break;
    const found = freeSeat(best, head, now);
    if (found === 'none') {
      open.delete(best);
      continue;
    }
    best.queue.pop();
    if (found === 'avoided') {
      stuck.push(head);
      continue;
    }
    found.held.set(head.run, now);
    const { partition } = head;
    state.matched.set(head.run, { executor: found.id, partition, at: now });
    state.offers.delete(head.run);
    emit({
      kind: 'match',
      pool: state.name,
      run: head.run,
      partition,
      executor: found.id,
      incarnation: found.incarnation,
    });
  }
  for (const offered of stuck) needOf(state, offered.need).queue.push(offered);
}

/** The heap keeps what was withdrawn or restated until it comes up. */
function headOf(state: PoolState, need: Need): Offered | undefined {
  for (let first = need.queue.peek(); first !== undefined; first = need.queue.peek()) {
    if (state.offers.get(first.run) === first) return first;
    need.queue.pop();
  }
  return undefined;
}

function freeSeat(need: Need, offered: Offered, now: Millis): Seat | 'none' | 'avoided' {
  let avoided = false;
  for (let i = 0; i < need.seats.length; i++) {
    const at = (need.turn + i) % need.seats.length;
    const candidate = need.seats[at] as Seat;
    if (freeOf(candidate, now) <= 0) continue;
    if (offered.avoid.includes(candidate.id)) {
      avoided = true;
      continue;
    }
    need.turn = (at + 1) % need.seats.length;
    return candidate;
  }
  return avoided ? 'avoided' : 'none';
}

function lapse(state: PoolState, now: Millis): void {
  for (const [run, match] of state.matched) {
    if (now - match.at >= POOL_LIMITS.matchLapsesMs) release(state, run, match.executor);
  }
  for (const [run, offered] of state.offers) {
    if (now - offered.statedAt > POOL_LIMITS.offerLapsesMs) state.offers.delete(run);
  }
  // Nobody may serve a need for days, and what was withdrawn from it never comes up.
  for (const { queue } of state.needs.values()) {
    if (queue.size <= 2 * state.offers.size + POOL_LIMITS.queueSlack) continue;
    queue.retain((offered) => state.offers.get(offered.run) === offered);
  }
}
