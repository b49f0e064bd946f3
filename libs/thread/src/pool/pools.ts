import {
  type Cell,
  type FleetMember,
  type Match,
  type Millis,
  type PoolMessage,
  type PoolState,
  type Soft,
  emptyPool,
  partitionOf,
  poolMachine,
  viewPool,
} from '#core';
import type { Soft as WireSoft } from '#protocol';
import type { OwnedPartition } from '../partition/owned.js';

export interface PoolsHost {
  readonly partitions: number;
  /** This thread holds the partition now. */
  owns(partition: number): boolean;
  /** Who owns it, as far as is known. */
  ownerOf(partition: number): string | undefined;
  toThread(thread: string, item: WireSoft): void;
  /** A match for a partition of this thread. */
  matched(match: Match): void;
  members(): Iterable<FleetMember>;
}

/** A partition of this thread, with what stands in its lanes. */
export type Offering = Pick<OwnedPartition, 'id' | 'state'>;

/**
 * The pools whose home is here, and the way to those that are elsewhere. A pool lives on the
 * thread that owns partition hash(pool name): no second placement (architecture §7).
 */
export class Pools {
  private readonly here = new Map<string, PoolState>();

  constructor(private readonly host: PoolsHost) {}

  homeOf(pool: string): number {
    return partitionOf(`pool/${pool}`, this.host.partitions);
  }

  /** From a partition of this thread. */
  tell(partition: number, soft: Soft, now: Millis): void {
    const pool = poolOf(soft);
    const home = this.homeOf(pool);
    if (this.host.owns(home)) {
      this.step(pool, localMessage(partition, soft, now), now);
      return;
    }
    const thread = this.host.ownerOf(home);
    if (thread !== undefined) this.host.toThread(thread, wireMessage(pool, partition, soft, now));
  }

  /** From another thread, about a pool that should be here; if it is not, it is restated. */
  receive(item: OfPools, now: Millis): void {
    if (!this.host.owns(this.homeOf(item.pool))) return;
    switch (item.kind) {
      case 'offer': {
        const { run, partition, rank, need } = item;
        const avoid = item.avoid === '' ? [] : item.avoid.split(' ');
        this.step(item.pool, { kind: 'offer', run, partition, rank, need, avoid }, now);
        return;
      }
      case 'withdraw':
        this.step(item.pool, { kind: 'withdraw', run: item.run }, now);
        return;
      default:
        this.step(item.pool, { kind: item.kind, run: item.run, executor: item.executor }, now);
    }
  }

  /** It has another owner, who has heard of no match and, where it is a pool's home, no offer. */
  moved(partition: number, owned: Iterable<Offering>, now: Millis): void {
    for (const name of this.here.keys()) this.step(name, { kind: 'moved', partition }, now);
    this.restate(owned, now, partition);
  }

  /** What is ready is offered again: to all pools, or to those that live with this partition. */
  restate(owned: Iterable<Offering>, now: Millis, home?: number): void {
    for (const { id, state } of owned) {
      for (const [name, lane] of state.lanes) {
        if (name === '0') continue;
        for (const { cell } of lane.window) {
          const isMeant = home === undefined || this.homeOf(cell.facts.pool) === home;
          if (isMeant && cell.state === 'READY') this.tell(id, { kind: 'offer', cell }, now);
        }
      }
    }
  }

  online(member: FleetMember, now: Millis): void {
    if (!this.host.owns(this.homeOf(member.pool))) return;
    this.step(member.pool, seatOf(member), now);
  }

  offline(member: FleetMember, now: Millis): void {
    const state = this.here.get(member.pool);
    if (state !== undefined) {
      this.step(member.pool, { kind: 'unseat', executor: member.executor }, now);
    }
  }

  beat(member: FleetMember, busy: number, now: Millis): void {
    if (!this.here.has(member.pool)) return;
    const slots = slotsOf(member);
    this.step(member.pool, { kind: 'beat', executor: member.executor, slots, busy }, now);
  }

  /** Makes what matches there are; at the end of each slice. */
  match(now: Millis): void {
    for (const [name, state] of this.here) {
      if (state.offers.size > 0) this.step(name, { kind: 'match' }, now);
    }
  }

  tick(now: Millis): void {
    for (const name of this.here.keys()) {
      if (this.host.owns(this.homeOf(name))) this.step(name, { kind: 'tick' }, now);
      else this.here.delete(name);
    }
  }

  views(now: Millis) {
    return [...this.here.values()].map((state) => viewPool(state, now));
  }

  private step(pool: string, message: PoolMessage, now: Millis): void {
    let state = this.here.get(pool);
    if (state === undefined) {
      state = emptyPool(pool);
      this.here.set(pool, state);
      for (const member of this.host.members()) {
        if (member.pool === pool && member.online) {
          poolMachine.step(state, seatOf(member), now, () => undefined);
        }
      }
    }
    // Collected first: a match steps its partition, which speaks to this very pool again.
    const matches: Match[] = [];
    poolMachine.step(state, message, now, (match) => matches.push(match));
    for (const match of matches) this.matched(match);
  }

  private matched(match: Match): void {
    if (this.host.owns(match.partition)) {
      this.host.matched(match);
      return;
    }
    const thread = this.host.ownerOf(match.partition);
    const { pool, run, partition, executor } = match;
    if (thread !== undefined) {
      this.host.toThread(thread, { kind: 'match', pool, partition, run, executor });
    }
  }
}

const slotsOf = ({ draining, isClosed, slots }: FleetMember): number =>
  draining || isClosed ? 0 : slots;

const seatOf = (member: FleetMember): PoolMessage => ({
  kind: 'seat',
  executor: member.executor,
  incarnation: member.incarnation,
  slots: slotsOf(member),
  capabilities: member.capabilities,
});

type OfPools = Exclude<
  WireSoft,
  { kind: 'submitted' | 'nudge' | 'match' | 'owned' | 'free' | 'left' }
>;

const poolOf = (soft: Soft): string => ('pool' in soft ? soft.pool : soft.cell.facts.pool);

function avoidOf(cell: Cell, now: Millis): string[] {
  return Object.entries(cell.record.bounces ?? {})
    .filter(([, [, until]]) => until > now)
    .map(([executor]) => executor);
}

function localMessage(partition: number, soft: Soft, now: Millis): PoolMessage {
  switch (soft.kind) {
    case 'offer': {
      const { facts, rank } = soft.cell;
      const avoid = avoidOf(soft.cell, now);
      return { kind: 'offer', run: facts.id, partition, rank, need: facts.need, avoid };
    }
    case 'withdraw':
      return { kind: 'withdraw', run: soft.cell.facts.id };
    case 'granted':
      return { kind: 'granted', run: soft.cell.facts.id, executor: soft.executor };
    default:
      return { kind: soft.kind, run: soft.run, executor: soft.executor };
  }
}

function wireMessage(pool: string, partition: number, soft: Soft, now: Millis): WireSoft {
  switch (soft.kind) {
    case 'offer': {
      const { facts, rank } = soft.cell;
      const avoid = avoidOf(soft.cell, now).join(' ');
      return { kind: 'offer', pool, need: facts.need, partition, run: facts.id, rank, avoid };
    }
    case 'withdraw':
      return { kind: 'withdraw', pool, need: soft.cell.facts.need, run: soft.cell.facts.id };
    case 'granted':
      return { kind: 'granted', pool, run: soft.cell.facts.id, executor: soft.executor };
    default:
      return { kind: soft.kind, pool, run: soft.run, executor: soft.executor };
  }
}
