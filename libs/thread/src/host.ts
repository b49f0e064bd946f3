import {
  type Limits,
  type Match,
  type Millis,
  type PartitionMessage,
  type PartitionOutput,
  type Store,
  partitionOf,
} from '#core';
import { type Soft, type Topics, type Up, isUuid } from '#protocol';
import type { Logger } from '#telemetry';
import { Herald } from './cluster/herald.js';
import { Membership, type MembershipHost } from './cluster/membership.js';
import type { Claimed, Loaded } from './cluster/news.js';
import { Peers } from './cluster/peers.js';
import { storable } from './partition/aside.js';
import { Auditor } from './partition/auditor.js';
import { type CarefulStartHost, CarefulStarts } from './partition/careful-start.js';
import { OwnedPartition } from './partition/owned.js';
import { Inbox } from './partition/inbox.js';
import { Stepper, type StepperHost } from './partition/stepper.js';
import { Pools } from './pool/pools.js';
import { Fleet, type FleetHost } from './fleet/fleet.js';
import { Alarm, nextOf } from './alarm.js';
import type { Batch, PendingEffect } from './batch.js';
import { DatabaseClock } from './clock.js';
import { Committer, type CommitterHost, type Dropped } from './committer.js';
import { Followers } from './followers.js';
import type { ThreadMessage } from './messages.js';
import { Performer, type PerformerHost } from './performer.js';
import { Post, type Wire } from './post.js';
import { Reader, type Swept } from './reader.js';

export interface ThreadOptions {
  readonly thread: string;
  readonly session: string;
  readonly scheduler: string;
  readonly partitions: number;
  readonly life: string;
  readonly silentAfterMs: Millis;
  readonly massLossAfterMs: Millis;
  readonly topics: Topics;
  /** Of each partition: how much of it is in memory. */
  readonly limits: Limits;
}
export interface ThreadPorts {
  readonly store: Store;
  readonly wire: Wire;
  readonly log: Logger;
  /** A clock that cannot jump. */
  readonly mono: () => Millis;
  /** Puts a message into this thread's mailbox. */
  readonly tell: (message: ThreadMessage) => void;
  readonly after: (delayMs: number, run: () => void) => () => void;
}

const RESTATE_OFFERS_MS = 2_000;

/**
 * One scheduler thread: the partitions it owns, the pools that live with them, its view of the
 * fleet, and its one commit. `receive` steps pure machines; `settle`, once a slice, matches,
 * commits and posts. What the machines emit is performed by the rules of architecture §4.
 */
export class ThreadHost {
  private readonly owned = new Map<number, OwnedPartition>();
  private readonly fleet: Fleet;
  private readonly clock: DatabaseClock;
  private readonly committer: Committer;
  private readonly reader: Reader;
  private readonly post: Post;
  private readonly performer: Performer;
  private readonly followers: Followers;
  private readonly pools: Pools;
  private readonly membership: Membership;
  private readonly herald: Herald;
  private readonly auditor: Auditor;
  private readonly peers = new Peers();
  private readonly inbox: Inbox;
  private readonly stepper: Stepper;
  private readonly starts: CarefulStarts;
  /** Careful starts that a reload came in between of. */
  private readonly unfinished = new Set<number>();
  /** Effects of the step that is under way. */
  private readonly stepped: PendingEffect[] = [];
  private sweepSoon = false;
  private readonly alarm: Alarm;
  private restatedAt = 0;
  readonly counts = { received: 0, misrouted: 0, reloads: 0 };

  constructor(
    private readonly options: ThreadOptions,
    private readonly ports: ThreadPorts,
  ) {
    const { log, tell, store, mono } = ports;
    this.clock = new DatabaseClock(mono);
    this.post = new Post(ports.wire, options.topics, options.thread);
    this.reader = new Reader(store.reads, { ...ports, limits: options.limits }, log);
    this.inbox = new Inbox(store, mono, log);
    this.stepper = new Stepper(this.stepperHost(), log);
    this.starts = new CarefulStarts(this.startsHost());
    this.committer = new Committer(store, this.committerHost(), log);
    this.performer = new Performer(this.performerHost(), this.post, this.reader, store);
    this.followers = new Followers(this.post);
    this.alarm = new Alarm(ports.after, () => tell({ kind: 'alarm' }));
    this.fleet = new Fleet(this.fleetHost());
    this.pools = new Pools({
      partitions: options.partitions,
      owns: (partition) => this.owned.has(partition),
      ownerOf: (partition) => this.membership.owners.of(partition)?.thread,
      toThread: (thread, item) => this.post.toThread(thread, item),
      matched: (match) => this.matched(match),
      members: () => this.fleet.members(),
    });
    this.membership = new Membership(store.control, this.membershipHost(), log);
    this.auditor = new Auditor(
      { mono, reload: (partition, why) => tell({ kind: 'give-up', partition, why }) },
      log,
    );
    this.herald = new Herald(options.thread, this.post, () => this.membership.owners.peers());
  }

  start(): void {
    this.membership.start();
  }

  stop(done: () => void): void {
    this.membership.stop(() => {
      this.alarm.cancel();
      this.reader.stop();
      done();
    });
  }

  get isIdle(): boolean {
    return this.committer.isIdle;
  }

  status() {
    const now = this.now() ?? 0;
    return {
      thread: this.options.thread,
      owned: this.owned.size,
      cells: [...this.owned.values()].reduce((sum, p) => sum + p.state.cells.size, 0),
      ...this.counts,
      ...this.stepper.counts,
      ...this.committer.counts,
      ...this.auditor.counts,
      pools: this.pools.views(now),
    };
  }

  receive(message: ThreadMessage): void {
    this.counts.received++;
    switch (message.kind) {
      case 'soft':
        for (const item of message.items) this.soft(item);
        return;
      case 'up':
        for (const item of message.items) this.up(message.executor, item);
        return;
      case 'presence':
        this.fleet.presence(message.executor, message.presence);
        return;
      case 'beat':
        this.fleet.beat(message.executor, message.beat);
        return;
      case 'link':
        this.fleet.link(message.up);
        return;
      case 'scheduler':
        this.peers.said(message.thread, message.presence);
        this.membership.look();
        return;
      case 'want':
        this.followers.want(message.partitions, this.ports.mono());
        return;
      case 'commit-answered':
      case 'commit-again':
        this.committer.receive(message);
        return;
      case 'read':
        this.readAnswer(message.partition, message.epoch, message.messages);
        return;
      case 'swept':
        this.swept(message);
        return;
      case 'view':
        this.clock.sample(message.view.at);
        this.peers.keep(message.view.nodes);
        this.fleet.closed(message.view.closed);
        return;
      case 'bodies':
        message.deliver();
        return;
      case 'loaded':
        this.adopt(message.loaded, message.how);
        return;
      case 'give-up':
        this.forget(message.partition, message.why);
        return;
      case 'freed':
        this.herald.free(message.to);
        return;
      case 'alarm':
        this.alarm.rang();
        this.noticeStall();
        this.toAll({ kind: 'tick' });
        return;
      case 'second':
        this.second();
        return;
      default: {
        const never: never = message;
        return never;
      }
    }
  }

  /** Once after each slice of messages. */
  settle(): void {
    const now = this.now();
    if (now !== undefined) this.pools.match(now);
    for (const owned of this.owned.values()) this.stepper.settled(owned);
    this.starts.settled(this.owned.values());
    this.committer.settle();
    if (this.sweepSoon) {
      this.sweepSoon = false;
      this.reader.sweep(this.starts.toSweep(this.owned.values()));
    }
    this.performer.flush();
    this.post.flush();
    this.armAlarm();
  }

  private now(): Millis | undefined {
    return this.clock.now();
  }

  // ── Ingress ──────────────────────────────────────────────────────────────────────────────────

  private soft(item: Soft): void {
    const now = this.now();
    switch (item.kind) {
      case 'submitted':
        this.intake(item.partition, (owned) => this.inbox.hint(owned, item.row));
        return;
      case 'nudge':
        if (this.owned.has(item.partition)) this.sweepSoon = true;
        return;
      case 'owned':
        if (now === undefined || !this.membership.owners.hears(item)) return;
        this.displaced(item.partition, item.epoch);
        this.pools.moved(item.partition, this.owned.values(), now);
        return;
      case 'left':
        this.peers.left(item.thread);
        this.membership.look();
        return;
      case 'free':
        this.membership.look();
        return;
      case 'match': {
        const member = this.fleet.member(item.executor);
        if (now === undefined || !this.owned.has(item.partition)) return;
        this.matched({ ...item, incarnation: member?.incarnation ?? 0 });
        return;
      }
      default:
        if (now !== undefined) this.pools.receive(item, now);
    }
  }

  private swept({ partitions, rows, more }: Swept): void {
    for (const row of rows) this.intake(row.partition, (owned) => this.inbox.swept(owned, row));
    for (const partition of partitions) {
      const owned = this.owned.get(partition);
      if (owned !== undefined) this.starts.swept(owned, rows);
    }
    if (more) this.sweepSoon = true;
  }

  /** What the inbox or a hint of it asks for; what it cannot say now is swept. */
  private intake(
    partition: number,
    read: (owned: OwnedPartition) => PartitionMessage | 'sweep' | undefined,
  ): void {
    const owned = this.owned.get(partition);
    // What is not in hand in a careful start waits in the inbox for its end.
    if (owned === undefined || owned.start !== undefined) return;
    const message = read(owned);
    if (message === 'sweep') this.sweepSoon = true;
    else if (message !== undefined) this.stepper.deliver(owned, message);
  }

  private up(executor: string, item: Up): void {
    const owned = this.owned.get(item.partition);
    if (owned === undefined) {
      this.redirect(executor, item.partition);
      return;
    }
    if (item.kind === 'digest') {
      this.stepper.deliver(owned, { ...item, executor });
      return;
    }
    // Its run is looked up by this id: what is no id would be asked of the database for ever.
    if (item.token.executor !== executor || !isUuid(item.token.run)) {
      this.counts.misrouted++;
      return;
    }
    this.stepper.deliver(owned, storable(item));
  }

  /** A message for a partition that is not ours is answered with the owner that we know. */
  private redirect(executor: string, partition: number): void {
    const owner = this.membership.owners.of(partition);
    if (owner === undefined || owner.thread === this.options.thread) return;
    const session = this.fleet.sessionOf(executor);
    if (session === undefined) return;
    this.post.toExecutor(executor, session, {
      kind: 'owners',
      owners: [{ partition, thread: owner.thread, epoch: owner.epoch }],
    });
  }

  // ── The fleet ────────────────────────────────────────────────────────────────────────────────

  private fleetHost(): FleetHost {
    return {
      ...this.options,
      log: this.ports.log,
      mono: this.ports.mono,
      isHome: (executor) => this.homeOf(executor) !== undefined,
      born: (birth) => this.toHome(birth.executor, { kind: 'birth', birth }),
      gone: (executor, session) => this.toHome(executor, { kind: 'gone', executor, session }),
      online: (member) => this.pools.online(member, this.now() ?? 0),
      offline: (member) => this.pools.offline(member, this.now() ?? 0),
      deaf: () => this.toAll({ kind: 'deaf' }),
      busy: (member, busy) => this.pools.beat(member, busy, this.now() ?? 0),
      heard: (executor, incarnation) =>
        this.toHolders(executor, { kind: 'heard', executor, incarnation }),
      silent: (message) => this.toHolders(message.executor, message),
      answerBeat: (executor, session, n) =>
        this.post.toExecutor(executor, session, { kind: 'beat', n, at: this.now() ?? 0 }),
      askBirth: (executor, session) => this.post.toExecutor(executor, session, { kind: 'rebirth' }),
    };
  }

  private homeOf(executor: string): OwnedPartition | undefined {
    return this.owned.get(partitionOf(`executor/${executor}`, this.options.partitions));
  }

  private deliverTo(owned: OwnedPartition | undefined, message: PartitionMessage): void {
    if (owned !== undefined) this.stepper.deliver(owned, message);
  }

  private toHome(executor: string, message: PartitionMessage): void {
    this.deliverTo(this.homeOf(executor), message);
  }

  /** To every partition that has attempts open on this executor. */
  private toHolders(executor: string, message: PartitionMessage): void {
    for (const owned of this.owned.values()) {
      if (owned.state.byExecutor.has(executor)) this.stepper.deliver(owned, message);
    }
  }

  private matched(match: Match): void {
    const owned = this.owned.get(match.partition);
    if (owned === undefined) return;
    if (this.fleet.takes(match)) {
      this.stepper.deliver(owned, match);
      return;
    }
    const { pool, run, executor } = match;
    this.pools.tell(owned.id, { kind: 'bounced', pool, run, executor }, this.now() ?? 0);
  }

  // ── Time ─────────────────────────────────────────────────────────────────────────────────────

  private second(): void {
    const mono = this.ports.mono();
    this.noticeStall();
    this.fleet.tick();
    for (const owned of this.owned.values()) this.compare(owned, mono);
    this.toAll({ kind: 'tick' });
    this.deliverTo(this.auditor.next(this.owned), { kind: 'audit' });
    const now = this.now();
    if (now !== undefined) this.pools.tick(now);
    if (mono - this.restatedAt >= RESTATE_OFFERS_MS) {
      this.restatedAt = mono;
      if (now !== undefined) this.pools.restate(this.owned.values(), now);
      this.followers.sayHeads(this.owned.values(), mono);
    }
    this.sweepSoon = true;
  }

  private compare(owned: OwnedPartition, mono: number): void {
    for (const message of this.fleet.compare(owned, mono)) this.stepper.deliver(owned, message);
  }

  /** Before time goes on for anybody: what we could not hear while we stood still. */
  private noticeStall(): void {
    if (this.clock.noticeStall()) this.fleet.stalled();
  }

  private toAll(message: PartitionMessage): void {
    for (const owned of this.owned.values()) this.stepper.deliver(owned, message);
  }

  private armAlarm(): void {
    const now = this.now();
    if (now !== undefined) this.alarm.arm(nextOf(this.owned.values()), now);
  }

  // ── Partitions ───────────────────────────────────────────────────────────────────────────────

  private adopt(loaded: Loaded, { careful, unclean }: Claimed): void {
    const { partition, epoch, cells } = loaded;
    this.forget(partition, 'claimed anew');
    this.membership.adopted(partition);
    this.herald.owned(partition, epoch);
    const { life, limits } = this.options;
    const owned = new OwnedPartition(loaded, life, this.ports.mono(), careful, limits);
    this.owned.set(partition, owned);
    if (this.unfinished.delete(partition) || unclean) this.starts.begin(owned);
    this.pools.moved(partition, this.owned.values(), this.now() ?? 0);
    this.stepper.load(owned, loaded);
    if (this.owned.get(partition) !== owned) return;
    this.sweepSoon = true;
    this.compare(owned, this.ports.mono());
    this.fleet.introduce((executor) => this.homeOf(executor) === owned);
    this.ports.log.debug('a partition is owned', { partition, epoch, cells: cells.length });
  }

  private forget(partition: number, why: string): void {
    if (this.owned.get(partition)?.start !== undefined) this.unfinished.add(partition);
    if (!this.owned.delete(partition)) return;
    this.committer.drop(partition);
    this.ports.log.debug('a partition is let go', { partition, why });
  }

  private readAnswer(
    partition: number,
    epoch: number,
    messages: readonly PartitionMessage[],
  ): void {
    const owned = this.owned.get(partition);
    if (owned === undefined || owned.epoch !== epoch) return;
    for (const message of messages) this.stepper.deliver(owned, message);
  }

  /** It has a newer owner, by that one's own word. */
  private displaced(partition: number, epoch: number): void {
    if ((this.owned.get(partition)?.epoch ?? epoch) >= epoch) return;
    this.forget(partition, 'claimed by another');
    this.membership.look();
  }

  private drop(partition: number, why: string, how: Dropped): void {
    const owned = this.owned.get(partition);
    this.counts.reloads++;
    this.stepped.length = 0;
    if (how.careful && owned !== undefined) this.stepper.refusedFor(owned, why);
    this.forget(partition, why);
    if (how.reclaim) this.membership.reclaim(partition, how.careful);
    else this.membership.look();
  }

  private giveUp({ id, epoch }: OwnedPartition, reason: string): void {
    this.stepped.length = 0;
    this.forget(id, reason);
    this.membership.giveUp(id, epoch, reason);
  }

  // ── What machines emit ───────────────────────────────────────────────────────────────────────

  private output(owned: OwnedPartition, output: PartitionOutput): void {
    // Dropped in the middle of its step: what it still says is void.
    if (this.owned.get(owned.id) !== owned) return;
    switch (output.to) {
      case 'commit':
        this.committer.batch.apply(owned.id, owned.epoch, output.write);
        return;
      case 'world':
        this.stepped.push({ partition: owned.id, epoch: owned.epoch, effect: output.effect });
        return;
      case 'pool':
        this.pools.tell(owned.id, output.soft, this.now() ?? 0);
        return;
      case 'owner':
        this.ports.log.warn('displaced: somebody else owns the partition', {
          partition: owned.id,
          epoch: owned.epoch,
          newer: output.displaced.epoch,
        });
        this.drop(owned.id, 'displaced', { reclaim: false, careful: false });
        return;
      default: {
        const never: never = output;
        return never;
      }
    }
  }
  /** An ack is emitted before the writes of its step: effects are placed when the step is over. */
  private releaseEffects(): void {
    for (const pending of this.stepped.splice(0)) this.committer.effect(pending);
  }

  private stepperHost(): StepperHost {
    return {
      now: () => this.now(),
      mono: this.ports.mono,
      output: (owned, output) => this.output(owned, output),
      stepped: () => this.releaseEffects(),
      batchOf: ({ id, epoch }) => this.committer.batch.of(id, epoch),
      holds: (partition) => this.committer.holds(partition),
      drop: (owned, why, how) => this.drop(owned.id, why, how),
      giveUp: (owned, reason) => this.giveUp(owned, reason),
    };
  }

  private startsHost(): CarefulStartHost {
    return {
      mono: this.ports.mono,
      isClocked: () => this.now() !== undefined,
      batchOf: ({ id, epoch }) => this.committer.batch.of(id, epoch),
      isConsumed: ({ id }, row) =>
        this.committer.batch.partitions.get(id)?.consumed.includes(row.id) === true,
      messageOf: (owned, row) => this.inbox.swept(owned, row),
      apply: (owned, message) => this.stepper.deliver(owned, message),
      setAside: (owned, message, why) => this.stepper.give(owned, message, why),
      over: () => {
        this.sweepSoon = true;
      },
    };
  }

  private committerHost(): CommitterHost {
    return {
      ...this.ports,
      committed: (batch) => this.committed(batch),
      perform: (pending) => this.performer.perform(pending),
      clock: this.clock,
      wanted: () => this.membership.look(),
      fenced: (fence) => this.membership.fenced(fence),
      dropPartition: (id, why, how) => this.drop(id, why, how),
    };
  }

  private committed(batch: Batch): void {
    for (const written of batch.partitions.values()) {
      const last = written.events.at(-1);
      const owned = this.owned.get(written.partition);
      if (owned?.epoch !== written.epoch) continue;
      if (last !== undefined) owned.floors.committed(last.seq);
      this.starts.committed(owned, written);
    }
    this.followers.publish(batch, this.ports.mono());
  }

  private membershipHost(): MembershipHost {
    const { tell, mono, after } = this.ports;
    return {
      node: this.options,
      window: this.options.limits.window,
      stats: () => ({ ...this.committer.stats, hearsMs: this.fleet.hearsMs }),
      held: () => new Map([...this.owned].map(([id, owned]) => [id, owned.epoch])),
      dead: () => this.peers.dead,
      tell,
      mono,
      after,
      left: () => this.herald.left(),
    };
  }

  private performerHost(): PerformerHost {
    return {
      life: this.options.life,
      ownedAt: (partition, epoch) => {
        const owned = this.owned.get(partition);
        return owned?.epoch === epoch ? owned : undefined;
      },
      sessionOf: (executor) => this.fleet.sessionOf(executor),
      owners: () => this.membership.owners.all(),
      unexplained: (owned, found) => this.auditor.found(owned, found),
    };
  }
}
