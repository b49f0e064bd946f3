import {
  type Claim,
  type ClusterView,
  type Fence,
  type Millis,
  type NodeName,
  type NodeStats,
  type OwnershipAction,
  type StoreControl,
  OWNERSHIP,
  decideOwnership,
} from '#core';
import type { Logger } from '#telemetry';
import { Claims, type ClaimsHost } from './claims.js';
import { Departure } from './departure.js';
import { Fences } from './fences.js';
import type { Loaded, MembershipNews } from './news.js';
import { Owners } from './owners.js';
import { Quiet } from './quiet.js';
import { Surrender } from './surrender.js';

const TOUCH_EVERY_MS = 500;

export interface MembershipHost {
  readonly node: NodeName;
  /** Of a lane, so many runs are loaded. */
  readonly window: number;
  stats(): Omit<NodeStats, 'fenced'>;
  /** Partitions in memory, by epoch. */
  held(): ReadonlyMap<number, number>;
  /** Threads whose last will was seen in their present session. */
  dead(): ReadonlySet<string>;
  tell(news: MembershipNews): void;
  mono(): Millis;
  after(delayMs: Millis, run: () => void): () => void;
  /** This thread is no member any more: the others may claim what it has. */
  left(): void;
}
type OtherAction = Exclude<OwnershipAction, { kind: 'claim' }>;

/**
 * This thread's place among the others: it says twice a second that it is there, reads who else
 * is, and claims, asks for and lets go of partitions as core/ownership decides.
 */
export class Membership {
  private view: ClusterView | undefined;
  private steadySince: Millis | undefined;
  /** When the last view came. */
  private touchedAt = 0;
  private readonly quiet = new Quiet();
  private cancelTimer: (() => void) | undefined;
  /** A turn is under way; the next is asked for. */
  private busy = false;
  private again = false;
  private departure: Departure | undefined;
  /** To be claimed anew after an unknown outcome or a refusal: whether with care. */
  private readonly reclaims = new Map<number, boolean>();
  private readonly surrender: Surrender;
  private readonly claims: Claims;
  /** Claimed, and on its way to the thread's memory: not to be claimed twice. */
  private readonly claimed = new Map<number, number>();
  /** Loaded since this process claimed it last: what it takes anew has not killed it. */
  private readonly loadedHere = new Set<number>();
  readonly owners: Owners;
  /** Refused commits, on their way to the record. */
  readonly fences: Fences;

  constructor(
    private readonly store: StoreControl,
    private readonly host: MembershipHost,
    private readonly log: Logger,
  ) {
    this.owners = new Owners(host.node.thread);
    this.fences = new Fences(store, host.node.thread, log);
    this.surrender = new Surrender(store, () => host.mono(), log);
    this.claims = new Claims(store, this.claimsHost(), log);
  }

  start(): void {
    this.arm();
    this.look();
  }

  /** For good: the others take over what it holds, if there are any. Two stops are one. */
  stop(done: () => void): void {
    if (this.departure !== undefined) return done();
    this.cancelTimer?.();
    const host = { ...this.host, isHeirThere: () => this.isHeirThere() };
    this.departure = new Departure(this.store, host, this.log, done);
    if (!this.busy) this.departure.begin();
  }

  /** At once instead of at the next half second: somebody came or went. */
  look(): void {
    if (this.departure !== undefined) return this.departure.look();
    if (this.busy) this.again = true;
    else this.turn();
  }

  /** The partition's memory was dropped: take it anew under the next epoch. */
  reclaim(partition: number, careful: boolean): void {
    this.claimed.delete(partition);
    this.reclaims.set(partition, careful || (this.reclaims.get(partition) ?? false));
    this.look();
  }

  /** It fails in our hands again and again: let go of it, for another to try. */
  giveUp(partition: number, epoch: number, reason: string): void {
    this.claimed.delete(partition);
    this.surrender.add(partition, epoch, reason);
    this.look();
  }

  /** Refused, and not by our own claim: then its memory was dropped, and it was taken anew. */
  fenced(fence: Fence): void {
    const { partition, epoch } = fence;
    const ours = this.claimed.get(partition) ?? this.host.held().get(partition);
    if (this.reclaims.has(partition) || ours === epoch + 1) return;
    this.fences.add(fence);
  }

  /** What was claimed has arrived. */
  adopted(partition: number): void {
    this.claimed.delete(partition);
  }

  private arm(): void {
    this.cancelTimer = this.host.after(TOUCH_EVERY_MS, () => {
      this.arm();
      this.look();
    });
  }

  private turn(): void {
    this.busy = true;
    this.again = false;
    this.surrender.letGo(() => this.touch());
  }

  private touch(): void {
    const { thread, session, scheduler } = this.host.node;
    const stats = { ...this.host.stats(), fenced: this.fences.count };
    this.store.touch({ thread, session, scheduler, stats }, (view) => {
      if (view instanceof Error) {
        this.steadySince = undefined;
        this.log.warn('cannot say that this thread is here', { error: view });
        this.endTurn();
        return;
      }
      this.view = view;
      this.owners.saw(view);
      this.touchedAt = this.host.mono();
      this.steadySince ??= this.touchedAt;
      this.quiet.saw(view);
      this.host.tell({ kind: 'view', view });
      this.fences.send();
      this.act(this.decide(view));
    });
  }

  private endTurn(): void {
    this.busy = false;
    if (this.departure !== undefined) this.departure.begin();
    else if (this.again) this.turn();
  }

  private decide(view: ClusterView): OwnershipAction[] {
    const now = this.host.mono();
    return decideOwnership({
      self: this.host.node.thread,
      steadyMs: now - (this.steadySince ?? now),
      quietMs: this.quiet.ms,
      members: view.nodes,
      partitions: view.partitions,
      dead: this.host.dead(),
      held: new Map([...this.host.held(), ...this.claimed]),
    });
  }

  private act(actions: readonly OwnershipAction[]): void {
    const claims: Claim[] = [];
    const wants: OtherAction[] = [];
    const urgent: OtherAction[] = [];
    for (const action of actions) {
      if (action.kind === 'want') wants.push(action);
      else if (action.kind !== 'claim') urgent.push(action);
      else if (!this.surrender.has(action.partition)) claims.push(action);
    }
    // What others wait for first, then what nobody has; what somebody works at can wait.
    this.perform(urgent, () =>
      this.claims.take(claims, () => this.perform(wants, () => this.endTurn())),
    );
  }

  /** One after the other. */
  private perform(actions: readonly OtherAction[], done: () => void, at = 0): void {
    const action = actions[at];
    if (action === undefined || this.departure !== undefined) return done();
    // What is wanted is decided anew in the next turn.
    if (action.kind === 'want' && at > 0 && this.isLate()) return done();
    const next = (answer?: unknown): void => {
      const { kind, partition } = action;
      if (answer instanceof Error) {
        this.log.warn('an act of ownership failed', { kind, partition, error: answer });
      }
      this.perform(actions, done, at + 1);
    };
    const { partition } = action;
    switch (action.kind) {
      case 'want':
        this.store.want(partition, this.host.node.thread, next);
        return;
      case 'release':
        this.host.tell({ kind: 'give-up', partition, why: 'handed over' });
        this.store.release([action], 'handed over', (error) => {
          if (!(error instanceof Error)) this.host.tell({ kind: 'freed', to: [action.to] });
          next(error);
        });
        return;
      case 'drop':
        this.claimed.delete(partition);
        this.host.tell({ kind: 'give-up', partition, why: 'fenced' });
        next();
        return;
      default: {
        const never: never = action;
        return never;
      }
    }
  }

  private claimsHost(): ClaimsHost {
    return {
      thread: this.host.node.thread,
      window: this.host.window,
      isOver: () => this.departure !== undefined,
      isLate: () => this.isLate(),
      isUnclean: (partition) => this.isUnclean(partition),
      claims: (partition) => {
        if (this.isUnclean(partition)) this.loadedHere.delete(partition);
      },
      loaded: (loaded, unclean) => this.loaded(loaded, unclean),
      failed: (partition, epoch, error) => this.surrender.failed(partition, epoch, error.message),
    };
  }

  /** It is time to say again that we are here: what is left of the turn is for the next one. */
  private isLate(): boolean {
    const isLate = this.host.mono() - this.touchedAt > TOUCH_EVERY_MS;
    this.again ||= isLate;
    return isLate;
  }

  /** Who stops takes its row of `node` away and works on: what it leaves is left cleanly. */
  private isUnclean(partition: number): boolean {
    const { nodes = [], partitions = [] } = this.view ?? {};
    const owner = partitions[partition]?.owner ?? null;
    if (owner === this.host.node.thread) return !this.loadedHere.has(partition);
    return nodes.some(({ thread }) => thread === owner);
  }

  private loaded(loaded: Loaded, unclean: boolean): void {
    const { partition, epoch } = loaded;
    if (loaded.cells.some((cell) => (cell.token?.epoch ?? 0) > epoch)) {
      this.log.warn('a load met a token of a newer epoch and gave up', { partition, epoch });
      this.surrender.failed(partition, epoch, 'it holds a token of a newer epoch');
      return;
    }
    const careful = this.reclaims.get(partition) ?? false;
    this.reclaims.delete(partition);
    this.loadedHere.add(partition);
    this.claimed.set(partition, epoch);
    this.host.tell({ kind: 'loaded', loaded, how: { careful, unclean } });
  }

  private isHeirThere(): boolean {
    const dead = this.host.dead();
    return (this.view?.nodes ?? []).some(
      ({ thread, ageMs }) =>
        thread !== this.host.node.thread &&
        !dead.has(thread) &&
        ageMs < OWNERSHIP.ownerStaleAfterMs,
    );
  }
}
