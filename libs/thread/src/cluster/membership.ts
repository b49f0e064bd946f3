import {
  type ClusterView,
  type LoadedPartition,
  type Millis,
  type NodeName,
  type OwnershipAction,
  type StoreControl,
  decideOwnership,
} from '#core';
import type { Owner } from '#protocol';
import type { Logger } from '#telemetry';

const TOUCH_EVERY_MS = 500;

export interface MembershipHost {
  readonly node: NodeName;
  /** Of a lane, so many runs are loaded. */
  readonly window: number;
  /** Partitions in memory, by epoch. */
  held(): ReadonlyMap<number, number>;
  /** Threads whose last will was seen in their present session. */
  dead(): ReadonlySet<string>;
  tell(news: MembershipNews): void;
  mono(): Millis;
  after(delayMs: Millis, run: () => void): () => void;
}
/** What a claim and a load brought. */
export interface Loaded extends LoadedPartition {
  readonly partition: number;
  readonly epoch: number;
}
export type MembershipNews =
  | { readonly kind: 'view'; readonly view: ClusterView }
  | { readonly kind: 'loaded'; readonly loaded: Loaded; readonly careful: boolean }
  | { readonly kind: 'give-up'; readonly partition: number; readonly why: string };

/**
 * This thread's place among the others: it says twice a second that it is there, reads who else
 * is, and claims, asks for and lets go of partitions as core/ownership decides. One claim a
 * transaction, one after the other.
 */
export class Membership {
  private view: ClusterView | undefined;
  private steadySince: Millis | undefined;
  private cancelTimer: (() => void) | undefined;
  /** A turn is under way; the next is asked for. */
  private busy = false;
  private again = false;
  private whenStopped: (() => void) | undefined;
  /** To be claimed anew after an unknown outcome or a refusal: whether with care. */
  private readonly reclaims = new Map<number, boolean>();
  /** Claimed, and on its way to the thread's memory: not to be claimed twice. */
  private readonly claimed = new Map<number, number>();

  constructor(
    private readonly store: StoreControl,
    private readonly host: MembershipHost,
    private readonly log: Logger,
  ) {}

  start(): void {
    this.arm();
    this.look();
  }

  /** Hands over what it holds, then says that it has left. */
  stop(done: () => void): void {
    this.cancelTimer?.();
    this.whenStopped = done;
    if (!this.busy) this.leave();
  }

  /** At once instead of at the next half second: somebody came or went. */
  look(): void {
    if (this.whenStopped !== undefined) return;
    if (this.busy) this.again = true;
    else this.turn();
  }

  /** The partition's memory was dropped: take it anew under the next epoch. */
  reclaim(partition: number, careful: boolean): void {
    this.claimed.delete(partition);
    this.reclaims.set(partition, careful || (this.reclaims.get(partition) ?? false));
    this.look();
  }

  /** What was claimed has arrived. */
  adopted(partition: number): void {
    this.claimed.delete(partition);
  }

  ownerOf(partition: number): { readonly thread: string; readonly epoch: number } | undefined {
    const known = this.view?.partitions[partition];
    if (known === undefined || known.owner === null) return undefined;
    return { thread: known.owner, epoch: known.epoch };
  }

  owners(): readonly Owner[] {
    const known: Owner[] = [];
    for (const { id, owner, epoch } of this.view?.partitions ?? []) {
      if (owner !== null) known.push({ partition: id, thread: owner, epoch });
    }
    return known;
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
    this.store.touch(this.host.node, (view) => {
      if (view instanceof Error) {
        this.steadySince = undefined;
        this.log.warn('cannot say that this thread is here', { error: view });
        this.endTurn();
        return;
      }
      this.view = view;
      this.steadySince ??= this.host.mono();
      this.host.tell({ kind: 'view', view });
      this.act(this.decide(view));
    });
  }

  private endTurn(): void {
    this.busy = false;
    if (this.whenStopped !== undefined) this.leave();
    else if (this.again) this.turn();
  }

  private decide(view: ClusterView): OwnershipAction[] {
    const now = this.host.mono();
    return decideOwnership({
      self: this.host.node.thread,
      steadyMs: now - (this.steadySince ?? now),
      members: view.nodes,
      partitions: view.partitions,
      dead: this.host.dead(),
      held: new Map([...this.host.held(), ...this.claimed]),
    });
  }

  /** One after the other. One that is locked or slow keeps nobody from the others. */
  private act(actions: readonly OwnershipAction[], at = 0): void {
    const action = actions[at];
    if (action === undefined || this.whenStopped !== undefined) {
      this.endTurn();
      return;
    }
    this.perform(action, (error) => {
      const { kind, partition } = action;
      if (error !== undefined) {
        this.log.warn('an act of ownership failed', { kind, partition, error });
      }
      this.act(actions, at + 1);
    });
  }

  private perform(action: OwnershipAction, done: (error?: Error) => void): void {
    const { partition } = action;
    const said = (answer: unknown): void => done(answer instanceof Error ? answer : undefined);
    switch (action.kind) {
      case 'claim':
        this.claim(partition, action.expected, done);
        return;
      case 'want':
        this.store.want(partition, this.host.node.thread, said);
        return;
      case 'release':
        this.host.tell({ kind: 'give-up', partition, why: 'handed over' });
        this.store.release(partition, action.epoch, 'handed over', said);
        return;
      case 'drop':
        this.claimed.delete(partition);
        this.host.tell({ kind: 'give-up', partition, why: 'fenced' });
        done();
        return;
      default: {
        const never: never = action;
        return never;
      }
    }
  }

  private claim(partition: number, expected: number, done: (error?: Error) => void): void {
    const { thread } = this.host.node;
    this.store.claim({ partition, expected, thread }, (epoch) => {
      if (epoch instanceof Error) done(epoch);
      else if (epoch === undefined) done();
      else this.load(partition, epoch, done);
    });
  }

  private load(partition: number, epoch: number, done: (error?: Error) => void): void {
    this.store.load({ partition, epoch, window: this.host.window }, (loaded) => {
      if (loaded instanceof Error) done(loaded);
      else {
        if (loaded !== undefined) this.loaded({ ...loaded, partition, epoch });
        done();
      }
    });
  }

  private loaded(loaded: Loaded): void {
    const { partition, epoch } = loaded;
    if (loaded.cells.some((cell) => (cell.token?.epoch ?? 0) > epoch)) {
      this.log.warn('a load met a token of a newer epoch and gave up', { partition, epoch });
      return;
    }
    const careful = this.reclaims.get(partition) ?? false;
    this.reclaims.delete(partition);
    this.claimed.set(partition, epoch);
    this.host.tell({ kind: 'loaded', loaded, careful });
  }

  private leave(): void {
    const held = [...this.host.held()];
    const { node } = this.host;
    const done = (error: unknown): void => {
      // The others take over as from a thread that died.
      if (error instanceof Error) this.log.warn('cannot hand over before the stop', { error });
      this.whenStopped?.();
    };
    const next = (at: number): void => {
      const [partition, epoch] = held[at] ?? [];
      if (partition === undefined || epoch === undefined) {
        this.store.leave(node, done);
        return;
      }
      this.store.release(partition, epoch, 'stopped', (error) => {
        if (error instanceof Error) done(error);
        else next(at + 1);
      });
    };
    next(0);
  }
}
