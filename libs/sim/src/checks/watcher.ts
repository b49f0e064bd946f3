import {
  EVENT_TYPES,
  type Millis,
  type Outcome,
  type PartitionWrites,
  type Token,
  ledgerKey,
} from '#core';
import { decodeSegment } from '#protocol';
import type { Broker } from '../broker/broker.js';
import { isPoisonous, isThrown } from '../poison.js';
import type { World } from '../kernel/world.js';
import type { JobLog } from '../nodes/jobs.js';
import { type SchedulerNode, topics } from '../nodes/scheduler.js';
import type { DatabaseServer } from '../store/server.js';
import type { Committing } from '../store/sim-store.js';
import { policyOf } from '../workload.js';
import type { Together } from './together.js';

/** Threads take the database's time from answers, which may come late. */
const SLACK_MS = 3_000;
/** A thread may hear of a death after a while, and remembers it. */
const WILL_COUNTS_MS = 60_000;
const SET_COUNTS_MS = 60_000;

/** Why an attempt is lost that nobody has said anything of. */
const LOST = 'its executor was silent for too long';
const LOST_AFTER_MS = policyOf('plain').lostAfterMs ?? 0;
/** As an event of a segment begins: `[type,"run"`. */
const SILENCE = new RegExp(`\\[${EVENT_TYPES.indexOf('SILENT')},"`);

export interface Patience {
  readonly silentAfterMs: Millis;
  readonly massLossAfterMs: Millis;
}
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
  /** Runs that were parked. */
  readonly parkedRuns = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly server: DatabaseServer,
    private readonly broker: Broker,
    private readonly patience: Patience,
    private readonly together: Together,
  ) {}

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

  committed(node: SchedulerNode, { writes, outcome }: Committing): void {
    const { world } = this;
    const { thread } = node;
    world.trace(thread, () => {
      const parts = writes.map((of) => `${of.partition}@${of.epoch}+${of.events}`);
      const how = outcome.kind === 'failed' ? outcome.failure.kind : 'ok';
      return `commits ${parts.join(' ')}: ${how}`;
    });
    if (outcome.kind === 'failed') {
      if (outcome.failure.kind === 'fenced') this.fenced++;
      if (outcome.failure.kind === 'rejected-for-good') this.refused(outcome.failure.error);
      return;
    }
    for (const of of writes) this.heard(node, of);
    for (const { partition, epoch, events } of writes) {
      world.mark(`commit ${partition} ${epoch} ${events}`);
      if (epoch < (this.epochs.get(partition) ?? 0)) {
        world.violate('one-committing-epoch', `${thread} wrote ${partition} at ${epoch}`);
      }
      this.epochs.set(partition, epoch);
    }
  }

  /** Whoever is parked because of a throw has thrown. A zombie may say it of one that is final. */
  parked(run: string, why: string): void {
    this.parkedRuns.add(run);
    const spec = this.server.tables.find(run)?.live.spec;
    if (spec === undefined || !isThrown(why) || isPoisonous(spec)) return;
    this.world.violate('no-innocent-is-parked', run);
  }

  private heard(node: SchedulerNode, { segment, events }: PartitionWrites): void {
    if (events === 0 || segment === undefined) return;
    // It is read for silence only, which is rare, and costs as much as the commit.
    if (!this.world.isTraced && !SILENCE.test(segment) && !segment.includes(LOST)) return;
    for (const { at, type, run, to, executor, data } of decodeSegment(segment, 0)) {
      this.world.trace(
        node.thread,
        () => `  ${run.slice(-6)} ${type} ${to ?? ''} ${executor ?? ''}`,
      );
      const decided = at - this.server.offset;
      if (!this.isDated(node)) continue;
      if (type === 'SILENT' && executor !== null) this.silent(node, executor, decided);
      if (!JSON.stringify(data).includes(LOST)) continue;
      this.lost(node, run, decided);
      if (executor !== null) this.lostWithMany(node, executor, decided);
    }
  }

  /**
   * Whether the time that a thread gives to what it decides is what it was: its clock takes up that
   * of the database late, and one that was set back only when a commit is refused as early.
   */
  private isDated({ startedAt }: SchedulerNode): boolean {
    const { setAt, setBackAt } = this.server;
    return this.world.now - setAt >= SET_COUNTS_MS && setBackAt < startedAt;
  }

  /** Silence counts only while the observer could hear, unless a last will was said (3.1). */
  private silent({ thread, linkedSince }: SchedulerNode, executor: string, decided: Millis): void {
    const { world, broker } = this;
    const { silentAfterMs } = this.patience;
    const topic = topics.executorPresence(executor);
    const willAt = broker.willSaidAt.get(topic) ?? Number.NEGATIVE_INFINITY;
    const bornAt = broker.birthSaidAt.get(topic) ?? 0;
    const isDead = willAt > bornAt || decided - willAt < WILL_COUNTS_MS;
    // Since it was decided the link may have been lost: then nothing can be said.
    if (isDead || linkedSince === undefined || linkedSince > decided) return;
    const heardFor = decided - linkedSince;
    if (heardFor >= silentAfterMs - SLACK_MS) return;
    world.violate('silence-is-heard', `${thread} heard for ${heardFor} ms, ${executor} is silent`);
  }

  /** So does the time from there to LOST (3.2): it begins anew whenever the link was down. */
  private lost(node: SchedulerNode, run: string, decided: Millis): void {
    const { thread, linkedSince, unlinkedSince } = node;
    // What was decided before the link changed is not known to be wrong.
    const heardFor = linkedSince === undefined ? 0 : decided - linkedSince;
    if (decided < (linkedSince ?? unlinkedSince + SLACK_MS)) return;
    if (heardFor >= LOST_AFTER_MS - SLACK_MS) return;
    this.world.violate('loss-is-heard', `${thread} heard for ${heardFor} ms, ${run} is lost`);
  }

  /** And nobody is lost soon who fell silent with over a third of all (3.2). */
  private lostWithMany(node: SchedulerNode, executor: string, decided: Millis): void {
    const diedAt = this.together.diedAt(node, executor);
    if (diedAt === undefined || decided < diedAt) return;
    const after = decided - diedAt;
    if (after >= this.patience.massLossAfterMs - SLACK_MS) return;
    this.world.violate('mass-loss-waits', `${node.thread} lost ${executor} ${after} ms after it`);
  }

  /** Only poison is refused for good: anything else is a row that we got wrong. */
  private refused(error: Error): void {
    if (error.message !== 'invalid byte') this.world.violate('sound-writes', error.message);
  }
}
