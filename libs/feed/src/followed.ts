import type { EventSegment } from './event.js';
import {
  type FollowEffect,
  type FollowMessage,
  type FollowedPartition,
  emptyFollowed,
  followMachine,
} from './partition.machine.js';

export interface FollowedHost {
  pass(partition: number, segment: EventSegment, skip: number): void;
  read(partition: number, after: number): void;
  broken(partition: number, why: (FollowEffect & { kind: 'broken' })['why']): void;
}

interface Entry {
  readonly state: FollowedPartition;
  followers: number;
}

/** The partitions that somebody follows, each with its machine, and by how many. */
export class Followed {
  private readonly entries = new Map<number, Entry>();
  private changes = 0;

  constructor(private readonly host: FollowedHost) {}

  get ids(): number[] {
    return [...this.entries.keys()];
  }

  /** Grows with every step forward of any partition. */
  get version(): number {
    return this.changes;
  }

  /** Says whether nobody followed it before. */
  add(partition: number): boolean {
    const entry = this.entries.get(partition);
    if (entry !== undefined) {
      entry.followers++;
      return false;
    }
    this.entries.set(partition, { state: emptyFollowed(), followers: 1 });
    return true;
  }

  /** With the last follower goes everything that is known of it. */
  remove(partition: number): void {
    const entry = this.entries.get(partition);
    if (entry === undefined) return;
    entry.followers--;
    if (entry.followers === 0) this.entries.delete(partition);
  }

  has(partition: number): boolean {
    return this.entries.has(partition);
  }

  /** Everything up to it was passed on; undefined while it opens. */
  at(partition: number): number | undefined {
    return this.entries.get(partition)?.state.at;
  }

  /** For who asked before a wait and answers after it: a partition followed anew is another one. */
  stateOf(partition: number): FollowedPartition | undefined {
    return this.entries.get(partition)?.state;
  }

  tell(partition: number, message: FollowMessage): void {
    const state = this.entries.get(partition)?.state;
    if (state === undefined) return;
    const before = state.at;
    const effects: FollowEffect[] = [];
    followMachine.step(state, message, 0, (effect) => effects.push(effect));
    if (state.at !== before) this.changes++;
    for (const effect of effects) this.perform(partition, effect);
  }

  private perform(partition: number, effect: FollowEffect): void {
    switch (effect.kind) {
      case 'pass':
        this.host.pass(partition, effect.segment, effect.skip);
        return;
      case 'read':
        this.host.read(partition, effect.after);
        return;
      case 'broken':
        this.host.broken(partition, effect.why);
        return;
      default: {
        const never: never = effect;
        return never;
      }
    }
  }
}
