import type { Millis } from '../kernel/machine.js';
import type { Digest, Report, ResultReport } from '../partition/messages.js';
import type { Outcome, Place, Token } from '../run/run.js';

/** What an executor needs to run an attempt; `spec` and `params` are JSON texts. */
export interface Work {
  readonly kind: string;
  readonly spec: string;
  readonly params: string | null;
  readonly project: string;
  readonly job: string;
  readonly timeoutMs: Millis;
  readonly graceMs: Millis;
  readonly heartbeatMs: Millis | null;
  /** 3.6; null: it never stops itself. */
  readonly stopAfterMs: Millis | null;
}

export type EndError = NonNullable<ResultReport['error']>;

/** How an attempt ended, in its runner's words. `result` is JSON text. */
export interface Ending {
  readonly outcome: Outcome;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly result: string | null;
  readonly error: EndError | null;
  readonly cpuMs: number | null;
  readonly memoryPeakBytes: number | null;
}

/** Whether this executor can run a piece of work: take it, not here or now, or never anywhere. */
export type Verdict =
  | { readonly kind: 'take' }
  | { readonly kind: 'bounce'; readonly reason: string }
  | { readonly kind: 'reject'; readonly error: EndError };

/** Everything an owner says carries its epoch and floor (architecture §6). */
interface FromOwner {
  readonly partition: number;
  readonly epoch: number;
  readonly floor: Place;
}
export type LedgerDown =
  | (FromOwner & { readonly kind: 'assign'; readonly token: Token; readonly work: Work })
  | (FromOwner & {
      readonly kind: 'cancel';
      readonly token: Token;
      readonly graceMs: Millis;
      readonly why: string;
    })
  /** The newest `seq` counts: an older word that comes late changes nothing. */
  | (FromOwner & {
      readonly kind: 'freeze';
      readonly token: Token;
      readonly on: boolean;
      readonly seq: number;
    })
  | (FromOwner & {
      readonly kind: 'ack';
      readonly token: Token;
      readonly of: 'result' | 'bounce';
    })
  | (FromOwner & { readonly kind: 'digested'; readonly watermark: Place })
  | (FromOwner & { readonly kind: 'askDigest' });

/** What goes up; nothing here is lost when a copy of it is. */
export type LedgerUp = Exclude<Report, { kind: 'progress' }> | Omit<Digest, 'executor'>;

export type LedgerMessage =
  /** From the wire; `session` is the one that its sender believes in. */
  | { readonly kind: 'down'; readonly session: string; readonly item: LedgerDown }
  /** The cluster knows this session's birth, and says who we are in it. */
  | {
      readonly kind: 'welcomed';
      readonly session: string;
      readonly cluster: string;
      readonly incarnation: number;
    }
  /** The link is down: nobody speaks for our session any more. */
  | { readonly kind: 'unlinked' }
  /** A runner has really begun, or is done: everything it had begun is dead. */
  | { readonly kind: 'started'; readonly partition: number; readonly token: Token }
  | {
      readonly kind: 'ended';
      readonly partition: number;
      readonly token: Token;
      readonly ending: Ending;
    }
  | { readonly kind: 'draining'; readonly on: boolean }
  /** Once, after a start from disk, when leftovers of the former process are dead. */
  | { readonly kind: 'restored' }
  /** For how long nobody has answered this executor's beats, where somebody counts that. */
  /** `unansweredMs`: since the last answer to a beat; undefined: it is not known. */
  | { readonly kind: 'tick'; readonly unansweredMs?: Millis | undefined };

/** One line of the journal. Each is a whole transition, so every prefix of a journal is sound. */
export type LedgerRecord =
  | { readonly kind: 'identity'; readonly incarnation: number; readonly cluster: string }
  | {
      readonly kind: 'accepted';
      readonly partition: number;
      readonly token: Token;
      readonly work: Work;
      readonly at: Millis;
    }
  /** The start mark: from here on the token never starts again. */
  | {
      readonly kind: 'started';
      readonly partition: number;
      readonly token: Token;
      readonly at: Millis;
    }
  /** Report and tombstone in one. */
  | {
      readonly kind: 'ended';
      readonly partition: number;
      readonly token: Token;
      readonly report: EndReport;
    }
  | { readonly kind: 'acked'; readonly partition: number; readonly token: Token }
  | { readonly kind: 'floor'; readonly partition: number; readonly floor: Place }
  | { readonly kind: 'promise'; readonly partition: number; readonly promise: Place }
  /** Of a snapshot only: what records of long ago amount to. */
  | {
      readonly kind: 'partition';
      readonly partition: number;
      readonly floor: Place;
      readonly watermark: Place;
      readonly promise: Place;
      readonly tombstones: readonly (readonly [key: string, epoch: number, seq: number])[];
    };

export type EndReport =
  | { readonly of: 'bounce'; readonly reason: string }
  | {
      readonly of: 'result';
      readonly ending: Ending;
      readonly startedAt: Millis | null;
      readonly endedAt: Millis;
    };

export type Refusal =
  | 'other-session'
  | 'sender-below-token'
  | 'floor-above-sender'
  | 'other-incarnation'
  | 'below-floor'
  | 'tombstone'
  | 'unknown'
  | 'older-word'
  | 'no-room';

/** In order: whatever follows a `persist` waits until that is on disk (fsync). */
export type LedgerEffect =
  | { readonly kind: 'persist'; readonly record: LedgerRecord }
  /** Written with the next record; nothing waits for it, and losing it is harmless. */
  | { readonly kind: 'note'; readonly record: LedgerRecord }
  | {
      readonly kind: 'start';
      readonly partition: number;
      readonly token: Token;
      readonly work: Work;
      readonly acceptedAt: Millis;
    }
  | {
      readonly kind: 'stop';
      readonly token: Token;
      readonly graceMs: Millis;
      readonly outcome: Outcome;
      readonly why: string;
    }
  /** Said again whenever the owner says it again: whoever does it answers. */
  | {
      readonly kind: 'freeze';
      readonly partition: number;
      readonly token: Token;
      readonly on: boolean;
      readonly seq: number;
    }
  /** `tries` counts the earlier sendings of the same thing. */
  | {
      readonly kind: 'send';
      readonly partition: number;
      readonly item: LedgerUp;
      readonly tries: number;
    }
  /** Who we are is on disk: be born again as that. */
  | { readonly kind: 'identified'; readonly incarnation: number; readonly cluster: string }
  | { readonly kind: 'refused'; readonly why: Refusal };
