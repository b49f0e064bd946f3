import { type Outcome, type PartitionWrites, type Token, ledgerKey } from '#core';
import { decodeSegment } from '#protocol';
import type { World } from '../kernel/world.js';
import type { JobLog } from '../nodes/executor.js';
import type { Committing } from '../store/sim-store.js';

export interface JobSeen {
  readonly token: Token;
  readonly executor: string;
  outcome: Outcome | undefined;
}

/** Writes down what happens while it happens: what jobs did, what was committed by whom. */
export class Watcher implements JobLog {
  readonly jobs = new Map<string, JobSeen>();
  /** Of each partition: the epoch that committed last. */
  private readonly epochs = new Map<number, number>();
  fenced = 0;

  constructor(private readonly world: World) {}

  started(token: Token, executor: string): void {
    const key = `${token.executor} ${ledgerKey(token)}`;
    this.world.mark(`start ${key}`);
    if (this.jobs.has(key)) this.world.violate('one-start-a-token', key);
    if (token.executor !== executor) this.world.violate('one-executor-a-token', key);
    this.jobs.set(key, { token, executor, outcome: undefined });
  }

  ended(token: Token, _executor: string, outcome: Outcome): void {
    const key = `${token.executor} ${ledgerKey(token)}`;
    this.world.mark(`end ${key} ${outcome}`);
    const seen = this.jobs.get(key);
    if (seen === undefined) this.world.violate('ends-what-started', key);
    else seen.outcome = outcome;
  }

  committed(thread: string, { writes, outcome }: Committing): void {
    const { world } = this;
    world.trace(thread, () => {
      const parts = writes.map((of) => `${of.partition}@${of.epoch}+${of.events}`);
      const how = outcome.kind === 'failed' ? outcome.failure.kind : 'ok';
      return `commits ${parts.join(' ')}: ${how}`;
    });
    if (outcome.kind === 'committed') for (const of of writes) this.tell(thread, of);
    if (outcome.kind === 'failed') {
      if (outcome.failure.kind === 'fenced') this.fenced++;
      if (outcome.failure.kind === 'rejected-for-good') this.refused(outcome.failure.error);
      return;
    }
    for (const { partition, epoch, events } of writes) {
      world.mark(`commit ${partition} ${epoch} ${events}`);
      if (epoch < (this.epochs.get(partition) ?? 0)) {
        world.violate('one-committing-epoch', `${thread} wrote ${partition} at ${epoch}`);
      }
      this.epochs.set(partition, epoch);
    }
  }

  private tell(thread: string, { segment, events }: PartitionWrites): void {
    if (events === 0 || segment === undefined || !this.world.isTraced) return;
    for (const event of decodeSegment(segment, 0)) {
      const { type, run, to, executor } = event;
      this.world.trace(thread, () => `  ${run.slice(-6)} ${type} ${to ?? ''} ${executor ?? ''}`);
    }
  }

  /** Only poison is refused for good: anything else is a row that we got wrong. */
  private refused(error: Error): void {
    if (error.message !== 'invalid byte') this.world.violate('sound-writes', error.message);
  }
}
