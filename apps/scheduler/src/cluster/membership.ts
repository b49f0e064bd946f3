import { type OwnershipAction, LIMITS, decideOwnership } from '#core';
import {
  type ClusterView,
  type Connection,
  type Specifications,
  claimPartition,
  leaveNode,
  loadPartition,
  loadRuns,
  releasePartition,
  touchNode,
  wantPartition,
} from '#postgres';
import type { Owner } from '#protocol';
import type { Logger } from '#telemetry';
import type { Loaded } from '../partition/owned.js';

const TOUCH_EVERY_MS = 500;

export interface MembershipHost {
  readonly thread: string;
  readonly session: string;
  readonly scheduler: string;
  /** Partitions in memory, by epoch. */
  held(): ReadonlyMap<number, number>;
  /** Threads whose last will was seen in their present session. */
  dead(): ReadonlySet<string>;
  tell(news: MembershipNews): void;
}
export type MembershipNews =
  | { readonly kind: 'view'; readonly view: ClusterView }
  | { readonly kind: 'loaded'; readonly loaded: Loaded; readonly careful: boolean }
  | { readonly kind: 'give-up'; readonly partition: number; readonly why: string };

/**
 * This thread's place among the others: it says twice a second that it is there, reads who else
 * is, and claims, asks for and lets go of partitions as core/ownership decides. One claim a
 * transaction, one after the other, on a connection of its own.
 */
export class Membership {
  private view: ClusterView | undefined;
  private steadySince: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;
  /** Claimed anew after an unknown outcome or a refusal: whether with care. */
  private readonly again = new Map<number, boolean>();
  /** Claimed, and on its way to the thread's memory: not to be claimed twice. */
  private readonly claimed = new Map<number, number>();

  constructor(
    private readonly connection: Connection,
    private readonly specifications: Specifications,
    private readonly host: MembershipHost,
    private readonly log: Logger,
  ) {}

  start(): void {
    if (this.timer !== undefined) return;
    this.timer = setInterval(() => this.look(), TOUCH_EVERY_MS);
    this.look();
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    clearInterval(this.timer);
    await this.running;
    try {
      for (const [partition, epoch] of this.host.held()) {
        await releasePartition(this.connection, partition, epoch, 'stopped');
      }
      await leaveNode(this.connection, this.host.thread, this.host.session);
    } catch (error) {
      // The others take over as from a thread that died.
      this.log.warn('cannot hand over before the stop', { error });
    }
  }

  /** At once instead of at the next half second: somebody came or went. */
  look(): void {
    if (this.pending) return;
    this.pending = true;
    this.running = this.running.then(async () => {
      this.pending = false;
      if (!this.stopped) await this.turn();
    });
  }
  private pending = false;

  /** The partition's memory was dropped: take it anew under the next epoch. */
  reclaim(partition: number, careful: boolean): void {
    this.claimed.delete(partition);
    this.again.set(partition, careful || (this.again.get(partition) ?? false));
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

  private async turn(): Promise<void> {
    try {
      const { thread, session, scheduler } = this.host;
      const view = await touchNode(this.connection, thread, session, scheduler);
      this.view = view;
      this.steadySince ??= performance.now();
      this.host.tell({ kind: 'view', view });
      await this.act(view);
    } catch (error) {
      this.steadySince = undefined;
      this.log.warn('cannot say that this thread is here', { error });
    }
  }

  private async act(view: ClusterView): Promise<void> {
    const actions = decideOwnership({
      self: this.host.thread,
      steadyMs: performance.now() - (this.steadySince ?? performance.now()),
      members: view.nodes,
      partitions: view.partitions,
      dead: this.host.dead(),
      held: new Map([...this.host.held(), ...this.claimed]),
    });
    for (const action of actions) {
      if (this.stopped) return;
      try {
        await this.perform(action);
      } catch (error) {
        // One that is locked or slow keeps nobody from the others; the next turn decides anew.
        const { kind, partition } = action;
        this.log.warn('an act of ownership failed', { kind, partition, error });
      }
    }
  }

  private async perform(action: OwnershipAction): Promise<void> {
    switch (action.kind) {
      case 'claim':
        await this.claim(action.partition, action.expected);
        return;
      case 'want':
        await wantPartition(this.connection, action.partition, this.host.thread);
        return;
      case 'release':
        this.host.tell({ kind: 'give-up', partition: action.partition, why: 'handed over' });
        await releasePartition(this.connection, action.partition, action.epoch, 'handed over');
        return;
      case 'drop':
        this.claimed.delete(action.partition);
        this.host.tell({ kind: 'give-up', partition: action.partition, why: 'fenced' });
        return;
      default: {
        const never: never = action;
        return never;
      }
    }
  }

  private async claim(partition: number, expected: number): Promise<void> {
    const claimed = await claimPartition(this.connection, partition, expected, this.host.thread);
    if (claimed === undefined) return;
    const { epoch } = claimed;
    const row = await loadPartition(this.connection, partition, epoch);
    if (row === undefined) return;
    const runs = await loadRuns(
      this.connection,
      partition,
      epoch,
      LIMITS.window,
      this.specifications,
    );
    const isNewer = runs.some((run) => (run.cell.token?.epoch ?? 0) > epoch);
    if (isNewer) {
      this.log.warn('a load met a token of a newer epoch and gave up', { partition, epoch });
      return;
    }
    const loaded: Loaded = {
      partition,
      epoch,
      head: row.seq,
      cells: runs.map((run) => run.cell),
      executors: row.executors,
      holds: row.holds,
    };
    const careful = this.again.get(partition) ?? false;
    this.again.delete(partition);
    this.claimed.set(partition, epoch);
    this.host.tell({ kind: 'loaded', loaded, careful });
  }
}
