import type { Millis } from '../kernel/machine.js';
import type { Asked, GivenEnd } from './asked.js';

/** Semantics §1. The index of a name is its code in the database: only ever append. */
export const RUN_STATES = [
  'SCHEDULED',
  'BLOCKED',
  'READY',
  'GRANTED',
  'RUNNING',
  'WAITING_RETRY',
  'PAUSED',
  'UNKNOWN',
  'CANCELLING',
  'SUCCEEDED',
  'DEAD',
  'CANCELLED',
  'EXPIRED',
  'SKIPPED',
] as const;
export type RunState = (typeof RUN_STATES)[number];

export const OUTCOMES = [
  'SUCCEEDED',
  'FAILED',
  'TIMED_OUT',
  'LOST',
  'REJECTED',
  'CANCELLED',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const JOB_KINDS = [
  'SHELL',
  'HTTP',
  'FUNCTION',
  'PYTHON',
  'CONTAINER',
  'PLUGIN',
  'DAG',
  'DURABLE',
] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export const EVENT_TYPES = [
  'SUBMITTED',
  'READY',
  'BLOCKED',
  'GRANTED',
  'BOUNCED',
  'STARTED',
  'PROGRESSED',
  'CHECKPOINTED',
  'SILENT',
  'HEARD',
  'ATTEMPT_ENDED',
  'RETRY_SCHEDULED',
  'PAUSED',
  'RESUMED',
  'CANCEL_REQUESTED',
  'FINISHED',
  'CHANGED',
  'LATE_RESULT',
  'MARKED',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const FINAL: ReadonlySet<RunState> = new Set([
  'SUCCEEDED',
  'DEAD',
  'CANCELLED',
  'EXPIRED',
  'SKIPPED',
]);
const OPEN: ReadonlySet<RunState> = new Set(['GRANTED', 'RUNNING', 'UNKNOWN', 'CANCELLING']);

export const isFinal = (state: RunState): boolean => FINAL.has(state);
/** Open: an attempt is granted and its end is not yet known. */
export const isOpen = (state: RunState): boolean => OPEN.has(state);

/** Architecture §6: who may run which attempt. Compared for equality, field by field. */
export interface Token {
  readonly run: string;
  readonly attempt: number;
  readonly executor: string;
  readonly incarnation: number;
  readonly epoch: number;
  readonly seq: number;
}

export function sameToken(a: Token, b: Token): boolean {
  return (
    a.seq === b.seq &&
    a.epoch === b.epoch &&
    a.run === b.run &&
    a.attempt === b.attempt &&
    a.executor === b.executor &&
    a.incarnation === b.incarnation
  );
}

/** The place of a token in its partition's history: pairs are compared, epoch first. */
export interface Place {
  readonly epoch: number;
  readonly seq: number;
}

export function comparePlace(a: Place, b: Place): number {
  return a.epoch - b.epoch || a.seq - b.seq;
}

/** Whose fault the end of an attempt is; each class may have a budget of its own. */
export type RetryClass = 'user' | 'platform' | 'timeout';

/** Everything that is named must hold, any value of each; nothing named matches all. */
export interface RetryRule {
  readonly when: {
    readonly exitCodes?: readonly number[];
    readonly classes?: readonly string[];
    readonly statuses?: readonly number[];
    readonly outcomes?: readonly Outcome[];
  };
  readonly then: 'RETRY' | 'NEVER' | { readonly delayMs: Millis };
}

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly delayMs: Millis;
  readonly backoff: 'FIXED' | 'LINEAR' | 'EXPONENTIAL';
  readonly factor: number;
  readonly maxDelayMs: Millis;
  readonly jitter: 'FULL' | 'EQUAL' | 'NONE';
  /** In order; the first that matches wins. */
  readonly rules?: readonly RetryRule[];
  /** How many retries a class has; it is then counted apart from `maxAttempts`. */
  readonly budgets?: Readonly<Partial<Record<RetryClass, number>>>;
}

/** What the owner must know of a specification to decide; resolved once, at submission. */
export interface Policy {
  readonly retry: RetryPolicy;
  readonly timeoutMs: Millis;
  readonly graceMs: Millis;
  /** null: NEVER (semantics §3.2). */
  readonly lostAfterMs: Millis | null;
  /** An executor that had no answer for so long ends the attempt itself (3.6). */
  readonly stopAfterMs?: Millis;
  readonly retentionMs: Millis;
  /** AT_MOST_ONCE (2.2): what was granted and not bounced is never granted again. */
  readonly atMostOnce?: true;
  /** `lossCountsAsAttempt: false` (3.5). */
  readonly freeLoss?: true;
  /** Without a word for so long an attempt is TIMED_OUT. */
  readonly heartbeatMs?: Millis;
  /** Over all attempts, from when the run could start first. */
  readonly deadlineMs?: Millis;
  /** The dedup key is given back at the first start, not at the end (2.4). */
  readonly dedupWhileQueued?: true;
  /** How long a result may stand for runs that ask for the same. */
  readonly cacheMs?: Millis;
  /** What is kept of the log of an attempt, when its job says so. */
  readonly outputBytesMax?: number;
  /** Names as the job sees them in its environment. */
  readonly jobName: string;
  readonly projectName: string;
}

/** What a run is from its submission to its end. */
export interface RunFacts {
  readonly id: string;
  readonly partition: number;
  readonly project: string;
  readonly job: string | null;
  readonly jobVersion: number | null;
  readonly spec: string;
  readonly kind: JobKind;
  readonly pool: string;
  /** The requirement class: what an executor must be able to do (`shell`, `function:noop`). */
  readonly need: string;
  readonly priority: number;
  readonly due: Millis | null;
  readonly expires: Millis | null;
  readonly submittedAt: Millis;
  readonly policy: Policy;
  /** Hashes: of the dedup key that it holds, and of what its result is kept under. */
  readonly dedup: string | null;
  readonly cache: string | null;
  /** JSON text; undefined when it stayed in the database (over 4 KiB). */
  readonly params?: string | undefined;
}

export interface RunError {
  readonly class: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

export interface AttemptRecord {
  readonly number: number;
  readonly executor: string;
  readonly grantedAt: Millis;
  readonly startedAt?: Millis;
  readonly finishedAt?: Millis;
  readonly outcome?: Outcome;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly error?: RunError;
  readonly cpuMs?: number;
  readonly memoryPeakBytes?: number;
}

export interface CancelRecord {
  readonly outcome: 'CANCELLED' | 'TIMED_OUT';
  readonly reason: string;
  readonly by: string;
  readonly at: Millis;
  readonly graceMs: Millis;
  /** It does not wait for an executor that is away (1.6), also not for one that goes later. */
  readonly force?: true;
  /** The run ends with it, whatever retries are left. */
  readonly isLast?: true;
}

export interface FreezeRecord {
  readonly on: boolean;
  /** Of the event that says so: what is newer counts, in whatever order executors hear of it. */
  readonly seq: number;
  readonly by: string;
  readonly reason: string;
  readonly at: Millis;
}

/** The part of a run's row that no SQL looks into: stored as JSON. */
export interface RunRecord {
  attempts: AttemptRecord[];
  /** Attempts that no longer fit. */
  dropped?: number;
  grantedAt?: Millis;
  seqs: number[];
  cancel?: CancelRecord;
  bounces?: Record<string, readonly [count: number, until: Millis]>;
  reason?: string;
  /** Until it is taken in. */
  given?: GivenEnd;
  asked?: Asked;
  reusedFrom?: string;
  /** Since `expires` is the whole deadline: how long it had to start; null: as long as it took. */
  startDeadlineMs?: Millis | null;
  /** Attempts that were spent, by class, where classes have budgets. */
  spentBy?: Partial<Record<RetryClass, number>>;
  /** While it is PAUSED: from where, by whom and why. */
  paused?: {
    readonly from: RunState;
    readonly by: string;
    readonly reason: string;
    readonly at: Millis;
    /** Not the run was paused but its job. */
    readonly job?: true;
  };
  /** It failed again and again in its owner's hands: a person resumes or cancels it. */
  parked?: { readonly reason: string; readonly at: Millis };
  /** Its attempt is stopped in place (1.7), or is to go on and its executor has not said so yet. */
  freeze?: FreezeRecord;
  /** When its attempt last went on: its time-out begins anew there. */
  thawedAt?: Millis;
  /** The newest attempt ended by silence: this token alone takes a late result (1.4). */
  lost?: Token;
  progress?: { readonly percent: number | null; readonly message: string; readonly at: Millis };
}

/** 1.7: it stands still, or is to, by the owner's last word. */
export const isFrozen = ({ freeze }: Pick<RunRecord, 'freeze'>): boolean => freeze?.on === true;

/** A run as its owner holds it. */
export interface Cell {
  /** Replaced as a whole when a person changes the run before it starts. */
  facts: RunFacts;
  state: RunState;
  lane: string | null;
  rank: number;
  readyAt: Millis | null;
  startedAt: Millis | null;
  attempt: number;
  spent: number;
  /** While an attempt is open, and of the last one in what is final. */
  token: Token | null;
  record: RunRecord;
}

/** The lane of what waits for a time; real lanes are hashes of 16 and above. */
export const LANE_TIMED = '0';

/** The end of all attempts together, or null. */
export const deadlineOf = ({ policy, due, submittedAt }: RunFacts): Millis | null =>
  policy.deadlineMs === undefined ? null : (due ?? submittedAt) + policy.deadlineMs;

export const AGE_STEP_MS = 60_000;
export const rankOf = (readyAt: Millis, priority: number): number =>
  Math.round(readyAt) + (priority - 1) * AGE_STEP_MS;
