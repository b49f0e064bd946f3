import type { Effect } from './effects.js';
import type { Millis } from '../kernel/machine.js';
import { COMMANDS, type Command, type CommandOutcome } from './command.js';
import type { Birth, Close, ExecutorCell } from './executor-cell.js';
import type { Cell, EventType, Outcome, Place, RunError, RunState, Token } from '../run/run.js';

export interface ResultReport {
  readonly kind: 'result';
  readonly token: Token;
  readonly outcome: Outcome;
  readonly startedAgoMs: Millis | null;
  readonly finishedAgoMs: Millis;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly result: string | null;
  readonly error: {
    readonly class: string;
    readonly message: string;
    readonly code: string | null;
    readonly stack: string | null;
    /** When it wants to be tried again: ms, -1 for never, null for as its policy says. */
    readonly retryMs: number | null;
  } | null;
  readonly cpuMs: number | null;
  readonly memoryPeakBytes: number | null;
}

/** What executors say. Judged against the run's row; a stale word changes nothing. */
export type Report =
  | { readonly kind: 'claimed'; readonly token: Token }
  | { readonly kind: 'started'; readonly token: Token; readonly agoMs: Millis }
  | {
      readonly kind: 'progress';
      readonly token: Token;
      readonly percent: number | null;
      readonly message: string;
    }
  | ResultReport
  | { readonly kind: 'bounce'; readonly token: Token; readonly reason: string }
  /** What the owner said at `seq`, that it stops or goes on, is so. */
  | { readonly kind: 'froze'; readonly token: Token; readonly seq: number };

export interface Digest {
  readonly kind: 'digest';
  readonly executor: string;
  readonly incarnation: number;
  readonly watermark: Place;
  readonly entries: readonly {
    readonly token: Token;
    readonly phase: 'accepted' | 'started' | 'ended';
  }[];
}

export const isCommand = (message: PartitionMessage): message is Command =>
  COMMANDS.has(message.kind);

/** Why the runs of a job do not start: somebody has paused the job. */
export interface Hold {
  readonly by: string;
  readonly reason: string;
}

/** What is said of a run that is over. */
export interface FinalRun {
  readonly state: RunState;
  readonly project: string;
  readonly job: string | null;
}

/** Of a run in a lane of the index: just what tells where it must be. */
export interface AuditedRow {
  readonly id: string;
  readonly lane: string;
  readonly rank: number;
  readonly taken: boolean;
  readonly isOpen: boolean;
  readonly isInInbox: boolean;
}

export type PartitionMessage =
  | { readonly kind: 'submitted'; readonly inbox: string; readonly cell: Cell }
  | Command
  | {
      readonly kind: 'match';
      readonly pool: string;
      readonly run: string;
      readonly executor: string;
      readonly incarnation: number;
    }
  | Report
  | Digest
  | { readonly kind: 'birth'; readonly birth: Birth }
  | { readonly kind: 'gone'; readonly executor: string; readonly session: string }
  | Close
  /** The executor has not been heard while we could hear; `isHeld`: with many others (3.2). */
  | {
      readonly kind: 'silent';
      readonly executor: string;
      readonly isHeld: boolean;
      /** How long nothing was heard of it; 0 where that is not known. */
      readonly unheardMs: Millis;
    }
  /** We hear nobody now: whoever is silent may have spoken meanwhile. */
  | { readonly kind: 'deaf' }
  /** It is drained; `isDue`: it is to be empty by now. */
  | { readonly kind: 'evict'; readonly executor: string; readonly isDue: boolean }
  /** It is heard (again): what we do not know of its attempts is asked for. */
  | { readonly kind: 'heard'; readonly executor: string; readonly incarnation: number }
  | {
      readonly kind: 'fetched';
      readonly run: string;
      readonly cell: Cell | null;
      readonly taken: boolean;
      readonly final: FinalRun | null;
      readonly read: number;
    }
  | {
      readonly kind: 'refilled';
      readonly lane: string;
      readonly read: number;
      readonly cells: readonly Cell[];
      readonly complete: boolean;
    }
  | {
      readonly kind: 'expiries';
      readonly items: readonly { readonly id: string; readonly rank: number }[];
      readonly complete: boolean;
    }
  /** Compare the next page of what waits with memory. */
  | { readonly kind: 'audit' }
  | {
      readonly kind: 'lanes-read';
      readonly read: number;
      readonly rows: readonly AuditedRow[];
      readonly complete: boolean;
    }
  | { readonly kind: 'expire'; readonly run: string }
  /** It has failed too often: it waits for a person. */
  | { readonly kind: 'park'; readonly run: string; readonly reason: string }
  /** It may be tried again. */
  | { readonly kind: 'wake'; readonly run: string }
  /** An inbox row: the job was paused or resumed; which of them is read from the job. */
  | { readonly kind: 'job-changed'; readonly inbox: string; readonly job: string }
  | {
      readonly kind: 'job-read';
      readonly inbox: string;
      readonly job: string;
      readonly hold: Hold | null;
    }
  | {
      readonly kind: 'held-read';
      readonly inbox: string;
      readonly job: string;
      readonly after: string | null;
      readonly read: number;
      readonly cells: readonly Cell[];
      readonly complete: boolean;
    }
  /** Time has passed: fire what is due, restate what was not heard. */
  | { readonly kind: 'tick' };

export interface RunEvent {
  readonly seq: number;
  readonly at: Millis;
  readonly type: EventType;
  readonly run: string;
  readonly project: string;
  readonly job: string | null;
  readonly from: RunState | null;
  readonly to: RunState | null;
  readonly attempt: number;
  readonly executor: string | null;
  readonly actor: string | null;
  readonly data: Readonly<Record<string, unknown>> | null;
}

/** Written in the fenced commit. */
export type Write =
  | { readonly kind: 'save'; readonly cell: Cell }
  | {
      readonly kind: 'finish';
      readonly cell: Cell;
      readonly outcome: Outcome | null;
      readonly finishedAt: Millis;
      readonly result: string | null;
      readonly error: RunError | null;
    }
  /** What a run is was changed by hand; null: as it was. */
  | {
      readonly kind: 'amend';
      readonly run: string;
      readonly priority: number;
      readonly due: Millis | null;
      readonly expires: Millis | null;
      readonly params: string | null;
      readonly labels: string | null;
    }
  /** The run gives its dedup key back. */
  | { readonly kind: 'release'; readonly cell: Cell }
  /** Of a final run, which stays as it is. */
  | {
      readonly kind: 'discard';
      readonly run: string;
      readonly by: string;
      readonly reason: string;
    }
  /** Its result stands for others from now on. */
  | { readonly kind: 'cache'; readonly cell: Cell; readonly expires: Millis }
  | { readonly kind: 'consume'; readonly inbox: string }
  | { readonly kind: 'answer'; readonly command: string; readonly outcome: CommandOutcome }
  | { readonly kind: 'event'; readonly event: RunEvent }
  | { readonly kind: 'executor'; readonly executor: ExecutorCell }
  /** Something planned for this time was done: the commit refuses to be earlier. */
  | { readonly kind: 'fired'; readonly planned: Millis };

/** Soft facts for the pool: they may leave at once, and are restated. */
export type Soft =
  | { readonly kind: 'offer'; readonly cell: Cell }
  | { readonly kind: 'withdraw'; readonly cell: Cell }
  | { readonly kind: 'granted'; readonly cell: Cell; readonly executor: string }
  | {
      readonly kind: 'declined';
      readonly pool: string;
      readonly run: string;
      readonly executor: string;
    }
  | {
      readonly kind: 'freed';
      readonly pool: string;
      readonly run: string;
      readonly executor: string;
    }
  | {
      readonly kind: 'bounced';
      readonly pool: string;
      readonly run: string;
      readonly executor: string;
    };

/** We met a token of an epoch above ours: somebody else owns this partition. */
export interface Displaced {
  readonly kind: 'displaced';
  readonly epoch: number;
}

export type PartitionOutput =
  | { readonly to: 'commit'; readonly write: Write }
  | { readonly to: 'world'; readonly effect: Effect }
  | { readonly to: 'pool'; readonly soft: Soft }
  | { readonly to: 'owner'; readonly displaced: Displaced };
