import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Connection,
  type NewCommand,
  type NewRun,
  type NewSpecification,
  classify,
  conflictsOf,
  intakeBatch,
} from '#postgres';
import type { Logger } from '#telemetry';
import { OpenBatch } from './batch.js';
import { Ids } from './ids.js';
import type { IntakeItem, Written } from './item.js';
import { Waiter, WaitingGroup, WaitingRows } from './waiting.js';

const ANSWER_WITHIN_MS = 8_000;
const WAITING_MAX = 50_000;
const BACKOFF_MS = { min: 25, max: 500 } as const;
const STORED_MAX = 10_000;
const STOP_WITHIN_MS = 1_000;

export interface GroupCommitOptions {
  /** Of the role orrery_intake; each has one commit in flight. */
  readonly connections: readonly Connection[];
  /** For batches that are written whole or not at all. */
  readonly atomic: Connection;
  readonly ids: Ids;
  readonly log: Logger;
  /** Called after a commit that is known to have succeeded, and only then. */
  readonly committed: (
    runs: readonly NewRun[],
    commands: readonly NewCommand[],
    at: number,
  ) => void;
}

/**
 * Natural batching: what comes while commits are in flight makes the next one. No window is fixed,
 * so a lone submission waits for nobody, and the database sets the size of the batches.
 */
export class GroupCommit {
  private readonly waiting = new WaitingRows();
  private readonly idle: Connection[];
  private readonly inFlight = new Set<Promise<void>>();
  private readonly stored = new Set<string>();
  private isScheduled = false;
  private isStopping = false;
  /** Atomic batches stand in a row of their own. */
  private atomicTail: Promise<void> = Promise.resolve();
  private atomicRows = 0;

  constructor(private readonly options: GroupCommitOptions) {
    this.idle = [...options.connections];
  }

  /** Each for itself. In the order of the items. */
  async submit(items: readonly IntakeItem[]): Promise<Written[]> {
    if (items.length === 0) return [];
    if (this.isFull(items.length)) return items.map(() => ({ kind: 'overloaded' }));
    const { waiters, answers } = this.await(items);
    this.waiting.add(waiters);
    this.schedule();
    return await answers;
  }

  /** All or none, in one commit. */
  async submitTogether(items: readonly IntakeItem[]): Promise<Written[]> {
    if (items.length === 0) return [];
    if (this.isFull(items.length)) return items.map(() => ({ kind: 'overloaded' }));
    const { waiters, answers } = this.await(items);
    const { atomic } = this.options;
    this.atomicRows += items.length;
    this.atomicTail = this.atomicTail.then(async () => {
      await this.commit(atomic, waiters, true);
      this.atomicRows -= items.length;
    });
    return await answers;
  }

  /** What is on its way gets a moment to arrive; the rest is surely not written. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const all = Promise.all([...this.inFlight, this.atomicTail]);
    await Promise.race([all, delay(STOP_WITHIN_MS, undefined, { ref: false })]);
    const { connections, atomic } = this.options;
    await Promise.all([...connections, atomic].map((connection) => connection.stop()));
  }

  private isFull(more: number): boolean {
    return this.isStopping || this.waiting.size + this.atomicRows + more > WAITING_MAX;
  }

  private await(items: readonly IntakeItem[]): {
    readonly waiters: readonly Waiter[];
    readonly answers: Promise<Written[]>;
  } {
    const deadline = performance.now() + ANSWER_WITHIN_MS;
    let waiters: readonly Waiter[] = [];
    const answers = new Promise<Written[]>((resolve) => {
      const group = new WaitingGroup(items.length, (written) => {
        clearTimeout(timer);
        resolve(written);
      });
      waiters = items.map((item, i) => new Waiter(item, deadline, group, i));
      const timer = setTimeout(() => {
        for (const waiter of waiters) waiter.settle({ kind: 'unavailable' });
      }, ANSWER_WITHIN_MS);
    });
    return { waiters, answers };
  }

  /** After this turn of the loop, so that all that came in one read goes in one commit. */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    while (this.waiting.size > 0) {
      const connection = this.idle.pop();
      if (connection === undefined) return;
      const waiters = this.waiting.take(performance.now());
      const work = this.commit(connection, waiters, false).finally(() => {
        this.inFlight.delete(work);
        this.idle.push(connection);
        this.schedule();
      });
      this.inFlight.add(work);
    }
  }

  /** Until it is written, refused for good, or nobody waits for it any more. Never rejects. */
  private async commit(
    connection: Connection,
    waiters: readonly Waiter[],
    isAtomic: boolean,
  ): Promise<void> {
    if (waiters.length === 0) return;
    const batch = new OpenBatch(
      this.options.ids.next(),
      waiters,
      (specification) => this.stored.has(nameOf(specification)),
      isAtomic,
    );
    for (let backoffMs: number = BACKOFF_MS.min; batch.isAwaited; ) {
      try {
        const taken = await intakeBatch(connection, batch.rows);
        this.remember(batch.rows.specifications);
        batch.settle(taken);
        const { runs, commands } = batch.written(taken);
        this.options.committed(runs, commands, taken.at);
        return;
      } catch (error) {
        const conflicts = conflictsOf(error);
        if (conflicts !== undefined) {
          batch.settleConflicts(conflicts);
          return;
        }
        const failure = classify(error);
        if (failure.kind !== 'unknown' && failure.kind !== 'rejected-now') {
          return await this.refused(connection, batch, error, isAtomic);
        }
        this.options.log.warn('an intake batch is tried again', { why: failure.kind, error });
      }
      // The same batch under the same id: if the first one was written, this one writes nothing.
      await delay(backoffMs * (0.5 + Math.random() / 2));
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.max);
    }
  }

  /** Something in it can never be written: halves under new ids, until that stands alone. */
  private async refused(
    connection: Connection,
    batch: OpenBatch,
    error: unknown,
    isAtomic: boolean,
  ): Promise<void> {
    if (isAtomic || batch.leaders.length === 1) {
      const reference = randomBytes(6).toString('hex');
      this.options.log.error('an item cannot be written', { reference, error });
      batch.settleAll({ kind: 'refused', reference });
      return;
    }
    for (const half of batch.halves()) await this.commit(connection, half, false);
  }

  private remember(specifications: readonly NewSpecification[]): void {
    for (const specification of specifications) this.stored.add(nameOf(specification));
    for (const oldest of this.stored) {
      if (this.stored.size <= STORED_MAX) return;
      this.stored.delete(oldest);
    }
  }
}

const nameOf = ({ project, hash }: NewSpecification): string => `${project}/${hash}`;
