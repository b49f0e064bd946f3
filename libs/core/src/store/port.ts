import type { Millis } from '../kernel/machine.js';
import type { ExecutorCell } from '../partition/executor-cell.js';
import type { AuditedRow, FinalRun, Hold } from '../partition/messages.js';
import type { Cell, Policy } from '../run/run.js';
import type { PartitionWrites } from './writes.js';

/**
 * The store as a scheduler thread uses it: PostgreSQL, or what stands for it in a simulation.
 * Every call is answered once, in a later turn. An `Error` for an answer: the call changed nothing
 * that its repeat would not change as well.
 */
export interface Store {
  /** All of it or nothing, under the epochs it carries (architecture §4, Commit). */
  commit(
    writes: readonly PartitionWrites[],
    notBefore: Millis | null,
    reply: (outcome: CommitOutcome) => void,
  ): void;
  /** What is at hand of a specification; undefined: ask for `bodies`. */
  specification(project: string, spec: string): Specification | undefined;
  readonly reads: StoreReads;
  readonly control: StoreControl;
}

export type Reply<T> = (answer: T | Error) => void;

/** What a thread looks up beside its commits. */
export interface StoreReads {
  runs(ids: readonly string[], reply: Reply<Fetched>): void;
  /** The first of a lane, in its order. */
  lane(of: LanePage, reply: Reply<readonly Cell[]>): void;
  /** What stands in the lanes of a partition, in the order of the index; of its epoch only. */
  lanes(of: LanesPage, reply: Reply<readonly AuditedRow[]>): void;
  expiries(of: ExpiriesPage, reply: Reply<readonly Expiry[]>): void;
  hold(job: string, reply: Reply<Hold | null>): void;
  /** What the pause of a job holds in a partition, after a run. */
  held(of: HeldPage, reply: Reply<readonly Cell[]>): void;
  bodies(of: BodiesWanted, reply: Reply<Bodies>): void;
  /** What is left in the inboxes of these partitions, oldest first, so many of each. */
  inbox(partitions: readonly number[], each: number, reply: Reply<readonly InboxRow[]>): void;
}

/** Who is there, and who owns what. */
export interface StoreControl {
  /** Says "I am here" by the database's clock, and answers who else is and who owns what. */
  touch(node: NodeName & { readonly stats?: NodeStats }, reply: Reply<ClusterView>): void;
  leave(node: NodeName, reply: Reply<void>): void;
  /** In one transaction. */
  claim(wanted: ClaimsWanted, reply: Reply<Claimed>): void;
  /** In one later snapshot: those that are still at their epoch. */
  load(wanted: LoadWanted, reply: Reply<ReadonlyMap<number, LoadedPartition>>): void;
  /** Those that are at their epoch yet. */
  release(held: readonly AtEpoch[], reason: string, reply: Reply<void>): void;
  /** Released, because it fails in our hands again and again. */
  giveUp(partition: number, epoch: number, reason: string, reply: Reply<void>): void;
  want(partition: number, thread: string, reply: Reply<void>): void;
  /** Puts on record that commits were refused; what is told twice stands there once. */
  fenced(thread: string, fences: readonly Fence[], reply: Reply<void>): void;
}

export interface Committed {
  readonly at: Millis;
  readonly wanted: readonly { readonly partition: number; readonly by: string }[];
  readonly timeline: string;
}
/** What became of a commit that is not simply done (architecture §4, Outcomes). */
export type Failure =
  | { readonly kind: 'fenced'; readonly partitions: readonly number[] }
  | { readonly kind: 'early'; readonly at: Millis }
  | { readonly kind: 'gone'; readonly ids: readonly string[] }
  /** Surely not applied and worth the same call again: connection refused, deadlock, disk full. */
  | { readonly kind: 'rejected-now'; readonly error: Error }
  /** Surely not applied, and the same call would fail the same way. */
  | { readonly kind: 'rejected-for-good'; readonly error: Error }
  | { readonly kind: 'unknown'; readonly error: Error };
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly committed: Committed }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Names one specification: rows and hints carry this instead of the text. */
export interface SpecificationRef {
  readonly project: string;
  readonly spec: string;
}
export interface Specification {
  readonly body: string;
  readonly policy: Policy;
}

export interface Fetched {
  readonly live: ReadonlyMap<string, LoadedRun>;
  readonly final: ReadonlyMap<string, FinalRun>;
}
export interface LoadedRun {
  readonly cell: Cell;
  readonly taken: boolean;
}
export interface LanePage {
  readonly partition: number;
  readonly lane: string;
  readonly window: number;
}
export interface ExpiriesPage {
  readonly partition: number;
  readonly after: Millis;
  readonly window: number;
}
export interface Expiry {
  readonly id: string;
  readonly expires: Millis;
}
export interface HeldPage {
  readonly partition: number;
  readonly job: string;
  readonly after: string | null;
  readonly window: number;
}
export interface BodiesWanted {
  readonly specifications: readonly SpecificationRef[];
  /** Runs whose params are too large to stay in memory. */
  readonly paramsOf: readonly string[];
}
export interface Bodies {
  readonly params: ReadonlyMap<string, string>;
  specification(project: string, spec: string): Specification | undefined;
}

export const INBOX_SUBMIT = 0;
export const INBOX_COMMAND = 1;
export const INBOX_JOB = 2;
export const INBOX_EXECUTOR = 3;

export interface InboxRow {
  readonly partition: number;
  readonly id: string;
  readonly kind: number;
  readonly ref: string | null;
  readonly payload: string | null;
  readonly tries: number;
  readonly run: LoadedRun | undefined;
}

export interface NodeName {
  readonly thread: string;
  readonly session: string;
  readonly scheduler: string;
}
/** How a thread does, by its own word. */
export interface NodeStats {
  readonly commits: number;
  /** Writes for a partition that somebody else owned by then: refused. */
  readonly fenced: number;
  /** Of its latest commits, from sending to the answer; null: there was none. */
  readonly commitP50Ms: Millis | null;
  readonly commitP99Ms: Millis | null;
  /** How long it has heard the broker without a gap; negative: how long it has not. */
  readonly hearsMs: Millis;
}
/** What happens to the ownership of a partition. The index of a name is its code: only append. */
export const CLUSTER_EVENT_KINDS = ['CLAIMED', 'RELEASED', 'FENCED', 'STOLEN'] as const;
export type ClusterEventKind = (typeof CLUSTER_EVENT_KINDS)[number];

/** A commit that was refused, since somebody else owned the partition: what it would have told. */
export interface Fence {
  readonly partition: number;
  readonly epoch: number;
  readonly events: number;
  readonly granted: number;
  readonly finished: number;
}
export interface NodeView {
  readonly thread: string;
  readonly session: string;
  readonly ageMs: Millis;
  /** By its own word when it was last here; 0: it has said nothing of it. */
  readonly hearsMs: Millis;
}
export interface OwnedView {
  readonly id: number;
  readonly epoch: number;
  readonly owner: string | null;
  readonly wantedBy: string | null;
  readonly claimedMsAgo: Millis | null;
  readonly wantedMsAgo: Millis | null;
  /** How many owners in a row gave it up, and when the last of them did. */
  readonly gaveUp: number;
  readonly gaveUpMsAgo: Millis | null;
}
/** An executor that a person has closed. */
export interface ClosedView {
  readonly executor: string;
  readonly isDrained: boolean;
  /** Until what runs on it is stopped; null: it may end. */
  readonly leftMs: Millis | null;
}
export interface ClusterView {
  readonly at: Millis;
  readonly closed: readonly ClosedView[];
  readonly nodes: readonly NodeView[];
  readonly partitions: readonly OwnedView[];
}
export interface Claim {
  readonly partition: number;
  readonly expected: number;
}
export interface ClaimsWanted {
  readonly claims: readonly Claim[];
  readonly thread: string;
}
/** The new epochs. Who is left out has moved on; null: somebody holds its lock. */
export type Claimed = ReadonlyMap<number, number | null>;
export interface LanesPage {
  readonly partition: number;
  /** For its owner only: what another has done since is no defect. */
  readonly epoch: number;
  readonly after: Pick<AuditedRow, 'lane' | 'rank' | 'id'> | null;
  readonly window: number;
}
export interface AtEpoch {
  readonly partition: number;
  readonly epoch: number;
}
export interface LoadWanted {
  readonly partitions: readonly AtEpoch[];
  readonly window: number;
}
export interface LoadedPartition {
  /** The head of its journal. */
  readonly seq: number;
  readonly cells: readonly Cell[];
  readonly executors: readonly ExecutorCell[];
  readonly holds: ReadonlyMap<string, Hold>;
}
