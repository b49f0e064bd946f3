import {
  type Birth,
  type ClosedView,
  type FleetEffect,
  type FleetMember,
  type ExecutorCell,
  type FleetMessage,
  type Match,
  type Millis,
  OWNERSHIP,
  type PartitionMessage,
  emptyFleet,
  fleetMachine,
} from '#core';
import type { Logger } from '#telemetry';
import type { Beat, Death, ExecutorBirth } from '#protocol';

type Silent = Extract<PartitionMessage, { kind: 'silent' }>;

export interface FleetHost {
  readonly life: string;
  readonly log: Logger;
  readonly silentAfterMs: Millis;
  /** So long is nobody declared lost who fell silent with over a third of its pool. */
  readonly massLossAfterMs: Millis;
  mono(): Millis;
  /** The executor's own cell is on this thread. */
  isHome(executor: string): boolean;
  born(birth: Birth): void;
  gone(executor: string, session: string): void;
  online(member: FleetMember): void;
  offline(member: FleetMember): void;
  /** We hear nobody now: whoever is silent may have spoken meanwhile. */
  deaf(): void;
  /** The executor said what it holds. */
  busy(member: FleetMember, busy: number): void;
  heard(executor: string, incarnation: number): void;
  silent(message: Silent): void;
  answerBeat(executor: string, session: string, n: number): void;
  askBirth(executor: string, session: string): void;
}

/** An owned partition as the fleet sees it: executors, whose attempts are open, since when. */
export interface Observed {
  readonly claimedAt: number;
  readonly state: {
    readonly byExecutor: ReadonlyMap<string, ReadonlySet<string>>;
    readonly executors: ReadonlyMap<string, ExecutorCell>;
    readonly open: ReadonlyMap<
      string,
      { readonly cell: { readonly facts: { readonly pool: string } } }
    >;
  };
}

/** One thread's view of executors: presence and beats in, silence and return out (§6). */
export class Fleet {
  private readonly state = emptyFleet();
  /** The newest session of each executor, also of those that have no incarnation yet. */
  private readonly sessions = new Map<string, string>();
  /** The newest birth of each: what its own cell must hear when it comes to this thread. */
  private readonly births = new Map<string, ExecutorBirth>();

  private deafSince: Millis;
  private linkedSince: Millis | undefined;

  constructor(private readonly host: FleetHost) {
    this.deafSince = host.mono();
  }

  member(executor: string): FleetMember | undefined {
    return this.state.members.get(executor);
  }

  members(): Iterable<FleetMember> {
    return this.state.members.values();
  }

  /** It is there, in this life of its disk, and may be given something new. */
  takes({ executor, incarnation }: Pick<Match, 'executor' | 'incarnation'>): boolean {
    const member = this.member(executor);
    return member?.online === true && member.incarnation === incarnation && !member.isClosed;
  }

  sessionOf(executor: string): string | undefined {
    return this.state.members.get(executor)?.session ?? this.sessions.get(executor);
  }

  link(up: boolean): void {
    const now = this.host.mono();
    if (up) this.linkedSince ??= now;
    else if (this.linkedSince !== undefined) {
      // A link that comes for a moment and goes again was not there.
      if (now - this.linkedSince >= OWNERSHIP.hearsAfterMs) this.deafSince = now;
      this.linkedSince = undefined;
    }
    this.step({ kind: 'link', up });
  }

  /** How long we have heard without a gap; negative: how long we have not. */
  get hearsMs(): Millis {
    const { hearingSince } = this.state;
    return hearingSince === null
      ? this.deafSince - this.host.mono()
      : this.host.mono() - hearingSince;
  }

  /** This thread stood still: what was said meanwhile could not be heard. */
  stalled(): void {
    this.step({ kind: 'stalled' });
  }

  tick(): void {
    const { silentAfterMs, massLossAfterMs } = this.host;
    this.step({ kind: 'tick', silentAfterMs, massLossAfterMs });
  }

  beat(executor: string, beat: Beat): void {
    const { session, slots, busy, n } = beat;
    this.step({ kind: 'beat', executor, session, slots, busy });
    if (this.host.isHome(executor)) this.host.answerBeat(executor, session, n);
  }

  presence(executor: string, presence: ExecutorBirth | Death): void {
    const { session } = presence;
    if (presence.state === 'death') {
      this.step({ kind: 'death', executor, session });
      if (this.births.get(executor)?.session === session) this.births.delete(executor);
      if (this.host.isHome(executor)) this.host.gone(executor, session);
      return;
    }
    this.sessions.set(executor, session);
    this.births.set(executor, presence);
    this.bear(executor, presence);
    const { pool, slots, capabilities, draining, cluster } = presence;
    const incarnation = cluster === this.host.life ? presence.incarnation : null;
    this.step({
      kind: 'birth',
      executor,
      session,
      incarnation,
      pool,
      slots,
      capabilities,
      draining,
    });
  }

  /** Who is given nothing new, by a person's word: as the database has it now. */
  closed(executors: readonly ClosedView[]): void {
    if (executors.length + this.state.closed.size === 0) return;
    const now = this.host.mono();
    const dueAt = (leftMs: Millis | null): Millis | null => (leftMs === null ? null : now + leftMs);
    const all = executors.map(
      ({ executor, isDrained, leftMs }) => [executor, { isDrained, dueAt: dueAt(leftMs) }] as const,
    );
    this.step({ kind: 'closed', executors: new Map(all) });
  }

  /** A partition has come to this thread: births heard before it are told to its cells. */
  introduce(lives: (executor: string) => boolean): void {
    for (const [executor, presence] of this.births) {
      if (lives(executor)) this.bear(executor, presence);
    }
  }

  private bear(executor: string, presence: ExecutorBirth): void {
    const { session, incarnation, cluster: life, pool } = presence;
    if (!this.host.isHome(executor) || this.state.dead.get(executor) === session) return;
    const { name, version, slots, labels, capabilities, draining } = presence;
    const detail = { name, version, slots, labels, capabilities, draining };
    this.host.born({ executor, session, incarnation, life, pool, detail });
  }

  /**
   * Presence is a level: every open attempt and every executor's own cell is compared with what is
   * known here. What the partition is to be told; its siblings have counts of their own.
   */
  compare(partition: Observed, mono: number): PartitionMessage[] {
    const { hearingSince } = this.state;
    if (hearingSince === null) return [];
    const { byExecutor, executors, open } = partition.state;
    const heardFor = mono - Math.max(hearingSince, partition.claimedAt);
    const isGone = (executor: string): boolean =>
      this.state.members.has(executor) ||
      this.state.dead.has(executor) ||
      heardFor >= this.host.silentAfterMs;
    const told: PartitionMessage[] = [];
    for (const [executor, [run]] of byExecutor) {
      const member = this.state.members.get(executor);
      if (member?.online === true) {
        told.push({ kind: 'heard', executor, incarnation: member.incarnation });
        const closed = this.state.closed.get(executor);
        if (closed?.isDrained === true) {
          const isDue = closed.dueAt !== null && mono >= closed.dueAt;
          told.push({ kind: 'evict', executor, isDue });
        }
      } else if (isGone(executor)) {
        const pool = open.get(run ?? '')?.cell.facts.pool;
        if (member === undefined && pool !== undefined)
          this.step({ kind: 'missing', executor, pool });
        told.push(this.silent(executor, member));
      }
    }
    for (const { id, state, session } of executors.values()) {
      const member = this.state.members.get(id);
      if (member?.online === true) {
        // Its death or its birth was missed, by us or by an earlier owner: it says who it is again.
        const isKnown = state !== 'OFFLINE' && session === member.session;
        if (!isKnown) this.host.askBirth(id, member.session);
      } else if (state !== 'OFFLINE' && this.isOver(id, session, heardFor)) {
        told.push({ kind: 'gone', executor: id, session });
      }
    }
    return told;
  }

  private silent(executor: string, member: FleetMember | undefined): Silent {
    const mono = this.host.mono();
    const isHeld = this.state.mass.holds(executor, mono, this.host.massLossAfterMs);
    const unheardMs = member === undefined ? 0 : Math.max(0, mono - member.heardAt);
    return { kind: 'silent', executor, isHeld, unheardMs };
  }

  /** Whether this session of an executor's cell has ended, as far as could be heard. */
  private isOver(executor: string, session: string, heardForMs: Millis): boolean {
    const member = this.state.members.get(executor);
    if (this.state.dead.get(executor) === session || member?.session === session) return true;
    return heardForMs >= this.host.silentAfterMs && this.sessions.get(executor) !== session;
  }

  private step(message: FleetMessage): void {
    fleetMachine.step(this.state, message, this.host.mono(), (effect) => this.perform(effect));
  }

  private perform(effect: FleetEffect): void {
    switch (effect.kind) {
      case 'online':
        this.host.online(effect.member);
        if (effect.isNew) this.host.heard(effect.member.executor, effect.member.incarnation);
        return;
      case 'offline':
        this.host.offline(effect.member);
        this.host.silent(this.silent(effect.member.executor, effect.member));
        return;
      case 'mass-silence': {
        const { pool, silent, of } = effect;
        const { massLossAfterMs } = this.host;
        const about = { pool, silent, of, massLossAfterMs };
        this.host.log.warn('a pool fell silent: nothing of it is lost for now', about);
        return;
      }
      case 'deaf':
        this.host.deaf();
        return;
      case 'beat':
        this.host.busy(effect.member, effect.busy);
        return;
      case 'ask-birth':
        this.host.askBirth(effect.executor, effect.session);
        return;
      default: {
        const never: never = effect;
        return never;
      }
    }
  }
}
