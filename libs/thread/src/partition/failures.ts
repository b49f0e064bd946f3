import { type Millis, type PartitionMessage, type StepFailure, isCommand } from '#core';

const WITHIN_MS = 60_000;
const TIMES_MAX = 3;
/** After the first failure, and the second. */
const BACK_OFF_MS = [1_000, 5_000] as const;
const BANISHED_MS = 60_000;

/** Whose fault it is: what is left alone for a while, and given up in the end. */
export type Subject =
  | { readonly kind: 'run'; readonly id: string }
  /** A command, or a word of a job: a row of the inbox. */
  | { readonly kind: 'row'; readonly id: string; readonly message: PartitionMessage }
  | { readonly kind: 'executor'; readonly id: string }
  | { readonly kind: 'partition'; readonly id: '' };

export interface Trial {
  readonly subject: Subject;
  readonly reason: string;
  readonly times: readonly Millis[];
  /** Left alone until then. */
  readonly until: Millis;
  readonly isOver: boolean;
}

/** Who fails in a partition, and how often within a minute. Times are monotonic. */
export class Failures {
  private readonly trials = new Map<number, Map<string, Trial>>();

  add(partition: number, subject: Subject, error: string, now: Millis): Trial {
    const key = `${subject.kind}/${subject.id}`;
    const trials = this.trials.get(partition) ?? new Map<string, Trial>();
    this.trials.set(partition, trials);
    const times = [...(trials.get(key)?.times ?? []).filter((at) => isRecent(at, now)), now];
    const isOver = times.length >= TIMES_MAX;
    const until = now + (BACK_OFF_MS[times.length - 1] ?? BANISHED_MS);
    const reason = isOver ? `it failed ${times.length} times within a minute: ${error}` : error;
    const trial = { subject, reason, times, until, isOver };
    trials.set(key, trial);
    return trial;
  }

  of(partition: number, now: Millis): readonly Trial[] {
    const trials = this.trials.get(partition);
    for (const [key, { times }] of trials ?? []) {
      if (!isRecent(times.at(-1) ?? 0, now)) trials?.delete(key);
    }
    if (trials?.size === 0) this.trials.delete(partition);
    return [...(trials?.values() ?? [])];
  }

  /** It is settled: what fails again begins anew. */
  settle(partition: number, { kind, id }: Subject): void {
    this.trials.get(partition)?.delete(`${kind}/${id}`);
  }
}

const isRecent = (at: Millis, now: Millis): boolean => now - at < WITHIN_MS;

/** A command that fails is its own fault, and not its run's. */
export function subjectOf({ at, run }: Pick<StepFailure, 'at' | 'run'>): Subject {
  if (at !== null && isCommand(at)) return { kind: 'row', id: at.inbox, message: at };
  // Not even that it is given up can be written down.
  if (at?.kind === 'park') return { kind: 'partition', id: '' };
  if (run !== null) return { kind: 'run', id: run };
  if (at !== null && 'inbox' in at) return { kind: 'row', id: at.inbox, message: at };
  const executor = at === null ? undefined : executorOf(at);
  if (executor !== undefined) return { kind: 'executor', id: executor };
  return { kind: 'partition', id: '' };
}

export function executorOf(message: PartitionMessage): string | undefined {
  if (message.kind === 'birth') return message.birth.executor;
  return 'executor' in message ? message.executor : undefined;
}
