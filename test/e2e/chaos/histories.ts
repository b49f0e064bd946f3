/**
 * Three histories of one storm, and what was done to it. None of them is taken from another: jobs
 * and clients put theirs into files of their own, the account is what the API says at the end.
 * All is on one machine: their times are of one clock, in ms.
 */
export interface Histories {
  readonly clients: readonly ClientLine[];
  readonly jobs: readonly JobLine[];
  readonly account: readonly AccountedRun[];
  readonly faults: readonly FaultLine[];
}

export type ClientLine =
  /** Put down before it is sent for the first time. */
  | (Asked & { readonly what: 'asked'; readonly at: number })
  | {
      readonly what: 'acknowledged';
      readonly key: string;
      readonly id: string;
      readonly at: number;
    }
  /** For good: this one must never be. */
  | { readonly what: 'refused'; readonly key: string; readonly code: string; readonly at: number }
  | { readonly what: 'cancel'; readonly id: string; readonly answer: string; readonly at: number }
  | { readonly what: 'read'; readonly id: string; readonly state: string; readonly at: number };

export interface Asked {
  readonly key: string;
  readonly maxAttempts: number;
  /** AT_MOST_ONCE. */
  readonly once?: boolean;
  /** No two runs of one name at a time. */
  readonly single?: string;
  /** Not before so long after it was asked for. */
  readonly afterMs?: number;
}

export interface JobLine {
  readonly what: 'start' | 'end';
  readonly run: string;
  readonly attempt: number;
  /** Of the process that dies with the attempt. */
  readonly pid: number;
  readonly at: number;
  /** Of an end: whether it was a good one. */
  readonly ok?: boolean;
  /** Of an end: what it gave back, which nobody else can know. */
  readonly nonce?: string;
}

export interface AccountedRun {
  readonly id: string;
  readonly key: string;
  readonly state: string;
  readonly submittedAt: number;
  readonly finishedAt: number | undefined;
  readonly nonce: string | undefined;
  readonly attempts: readonly AccountedAttempt[];
}

export interface AccountedAttempt {
  readonly number: number;
  readonly outcome: string | null;
  readonly executor: string;
  readonly grantedAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
}

export interface FaultLine {
  readonly what: string;
  readonly target: string;
  readonly at: number;
  /** Who was killed by it. */
  readonly pids?: readonly number[];
}

export const FINAL: ReadonlySet<string> = new Set([
  ...['SUCCEEDED', 'DEAD', 'CANCELLED', 'EXPIRED', 'SKIPPED'],
]);
