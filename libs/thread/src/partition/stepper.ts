import {
  type Millis,
  PARKED,
  type PartitionMessage,
  type PartitionOutput,
  StepFailure,
  loadPartition,
  partitionMachine,
} from '#core';
import type { Logger } from '#telemetry';
import type { PartitionBatch } from '../batch.js';
import type { Loaded } from '../cluster/news.js';
import type { Dropped } from '../committer.js';
import { asideRow, setAside } from './aside.js';
import { Failures, type Trial, executorOf, subjectOf } from './failures.js';
import type { OwnedPartition } from './owned.js';

export interface StepperHost {
  /** By the database's clock, where it is known. */
  now(): Millis | undefined;
  mono(): Millis;
  output(owned: OwnedPartition, output: PartitionOutput): void;
  /** A step is over: its effects may be placed. */
  stepped(): void;
  batchOf(owned: OwnedPartition): PartitionBatch;
  /** Whether it has writes that are not known to be committed. */
  holds(partition: number): boolean;
  drop(owned: OwnedPartition, why: string, how: Dropped): void;
  /** It fails whatever is left out: another may try. */
  giveUp(owned: OwnedPartition, reason: string): void;
}

/** Said once. */
const ONCE = new Set([
  'fetched',
  'refilled',
  'expiries',
  'job-read',
  'held-read',
  'lanes-read',
  'park',
]);
/** After so many messages that passed alone, a careful partition goes on as the others. */
const CAREFUL_PASSES = 256;

/**
 * Steps the machines of a thread's partitions, and judges what fails in them. A step that throws
 * leaves its partition's memory void: it is loaded anew, without what failed (decision 27).
 */
export class Stepper {
  /** What a partition was doing alone when PostgreSQL refused it. */
  private readonly refused = new Map<number, { message: PartitionMessage; error: string }>();
  private readonly failures = new Failures();
  readonly counts = { bugs: 0, parked: 0, aside: 0 };

  constructor(
    private readonly host: StepperHost,
    private readonly log: Logger,
  ) {}

  /** What was claimed takes its place in memory; what failed before is left alone, or given up. */
  load(owned: OwnedPartition, { cells, holds }: Pick<Loaded, 'cells' | 'holds'>): void {
    const now = this.host.now() ?? 0;
    const mono = this.host.mono();
    const trials = this.failures.of(owned.id, mono);
    for (const { subject, until, isOver } of trials) {
      if (subject.kind === 'run') {
        owned.state.benched.set(subject.id, isOver ? PARKED : now + until - mono);
      } else owned.delayed.set(subject.id, until);
    }
    this.guarded(owned, undefined, () =>
      loadPartition(owned.state, cells, holds, now, (output) => this.host.output(owned, output)),
    );
    const refused = this.refused.get(owned.id);
    this.refused.delete(owned.id);
    if (refused !== undefined) this.aside(owned, refused.message, refused.error);
    for (const trial of trials) if (trial.isOver) this.settle(owned, trial);
  }

  deliver(owned: OwnedPartition, message: PartitionMessage): void {
    if (owned.delayed.size > 0 && this.isDelayed(owned, message)) return;
    if (!owned.careful) this.step(owned, message);
    else if (message.kind === 'deaf') this.deafen(owned, message);
    else if (message.kind !== 'tick' || owned.waiting.at(-1)?.kind !== 'tick') {
      owned.waiting.push(message);
    }
  }

  /** It writes nothing. Before any time that passed, and in place of silences said before it. */
  private deafen(owned: OwnedPartition, message: PartitionMessage): void {
    const others = owned.waiting.filter(({ kind }) => kind !== 'silent');
    owned.waiting.splice(0, Infinity, ...others);
    this.step(owned, message);
  }

  /** At the end of a slice: what waited for the clock, or to stand alone in its commit. */
  settled(owned: OwnedPartition): void {
    if (owned.unclocked.length > 0 && this.host.now() !== undefined) {
      for (const answer of owned.unclocked.splice(0)) this.step(owned, answer);
    }
    this.stepCareful(owned);
  }

  /** PostgreSQL refused what it wrote. Who stood alone then is the culprit. */
  refusedFor(owned: OwnedPartition, error: string): void {
    if (!owned.careful || owned.alone === undefined) return;
    this.refused.set(owned.id, { message: owned.alone, error });
  }

  private step(owned: OwnedPartition, message: PartitionMessage): void {
    if (owned.isVoid) return;
    const now = this.host.now();
    if (now === undefined) {
      // The machine waits for each answer to a read; everything else is said again.
      if (ONCE.has(message.kind)) owned.unclocked.push(message);
      return;
    }
    this.guarded(owned, message, () => {
      partitionMachine.step(owned.state, message, now, (output) => this.host.output(owned, output));
    });
  }

  private guarded(
    owned: OwnedPartition,
    message: PartitionMessage | undefined,
    work: () => void,
  ): void {
    try {
      work();
      this.host.stepped();
    } catch (error) {
      this.failed(owned, message, error);
    }
  }

  private failed(
    owned: OwnedPartition,
    message: PartitionMessage | undefined,
    error: unknown,
  ): void {
    owned.isVoid = true;
    this.counts.bugs++;
    const failure =
      error instanceof StepFailure ? error : new StepFailure(message ?? null, null, error);
    const subject = subjectOf(failure);
    const { isOver, reason } = this.failures.add(
      owned.id,
      subject,
      failure.message,
      this.host.mono(),
    );
    this.log.error('a partition failed at a message', {
      partition: owned.id,
      message: failure.at?.kind ?? 'load',
      [subject.kind]: subject.id,
      error: failure.cause,
    });
    if (subject.kind === 'partition' && isOver) {
      this.failures.settle(owned.id, subject);
      this.host.giveUp(owned, reason);
    } else this.host.drop(owned, 'a bug', { reclaim: true, careful: false });
  }

  /** It failed for the last time. */
  private settle(owned: OwnedPartition, { subject, reason }: Trial): void {
    const { kind, id } = subject;
    if (kind === 'executor' || kind === 'partition') return;
    this.failures.settle(owned.id, subject);
    if (kind === 'row') this.aside(owned, subject.message, reason);
    else this.park(owned, id, reason);
  }

  private park(owned: OwnedPartition, run: string, reason: string): void {
    this.counts.parked++;
    this.log.error('a run is parked', { partition: owned.id, run, reason });
    this.step(owned, { kind: 'park', run, reason });
  }

  /** The run of a submission is parked, so that a person may do something about it. */
  give(owned: OwnedPartition, message: PartitionMessage, reason: string): void {
    if (message.kind !== 'submitted') {
      this.aside(owned, message, reason);
      return;
    }
    const { id } = message.cell.facts;
    this.counts.aside++;
    this.host.batchOf(owned).aside.push(asideRow(message, reason));
    this.park(owned, id, reason);
  }

  private aside(owned: OwnedPartition, message: PartitionMessage, error: string): void {
    this.counts.aside++;
    const rest = setAside(this.host.batchOf(owned), owned, message, error);
    if (rest !== undefined) this.step(owned, rest);
    const { kind } = message;
    this.log.error('a message is set aside', { partition: owned.id, kind, error });
  }

  private isDelayed(owned: OwnedPartition, message: PartitionMessage): boolean {
    const id = 'inbox' in message ? message.inbox : executorOf(message);
    const until = id === undefined ? undefined : owned.delayed.get(id);
    return until !== undefined && this.host.mono() < until;
  }

  /** One message a commit: the next only when the last has been written. */
  private stepCareful(owned: OwnedPartition): void {
    if (!owned.careful) return;
    while (owned.waiting.length > 0 && !this.host.holds(owned.id)) {
      owned.alone = owned.waiting.shift();
      owned.passed++;
      if (owned.alone !== undefined) this.step(owned, owned.alone);
    }
    if (owned.passed > CAREFUL_PASSES && owned.waiting.length === 0) owned.careful = false;
  }
}
