export { hash32, unitHash } from './kernel/hash.js';
export type { Machine, Millis } from './kernel/machine.js';
export { DEFAULT_RETRY, retryDelay } from './retry/retry.js';
export { EDGES, assertEdge, mayFollow } from './run/edges.js';
export type { Asked, GivenEnd } from './run/asked.js';
export {
  AGE_STEP_MS,
  type AttemptRecord,
  type CancelRecord,
  type Cell,
  EVENT_TYPES,
  type EventType,
  JOB_KINDS,
  type JobKind,
  LANE_TIMED,
  OUTCOMES,
  type Outcome,
  type Place,
  type Policy,
  RUN_STATES,
  type RetryClass,
  type RetryPolicy,
  type RetryRule,
  type RunError,
  type RunFacts,
  type RunRecord,
  type RunState,
  type Token,
  comparePlace,
  isFinal,
  isFrozen,
  isOpen,
  deadlineOf,
  rankOf,
  sameToken,
} from './run/run.js';
export { mindsAnswers } from './ledger/unanswered.js';
export { STOP_AFTER_MS_MIN, stopAfterMsMax } from './run/stop-after.js';
export {
  type ClosedMember,
  type FleetEffect,
  type FleetMember,
  type FleetMessage,
  type FleetState,
  emptyFleet,
  fleetMachine,
} from './fleet/fleet.machine.js';
export { Heap } from './kernel/heap.js';
export { type Ranked, Window, compareRanked } from './kernel/window.js';
export {
  OWNERSHIP,
  type OwnershipAction,
  type OwnershipInput,
  decideOwnership,
} from './ownership/ownership.js';
export { placement } from './ownership/placement.js';
export { type LaneKey, laneOf, partitionOf } from './partition/lane.js';
export type {
  Command,
  CommandAction,
  CommandOutcome,
  CommandRefusal,
  RunChange,
} from './partition/command.js';
export type { Effect } from './partition/effects.js';
export {
  type Birth,
  type Close,
  type Closed,
  EXECUTOR_STATES,
  type ExecutorCell,
  type ExecutorDetail,
  type ExecutorState,
} from './partition/executor-cell.js';
export {
  type AuditedRow,
  type Digest,
  type FinalRun,
  type Hold,
  type PartitionMessage,
  type PartitionOutput,
  type Report,
  type ResultReport,
  type RunEvent,
  type Soft,
  type Write,
  isCommand,
} from './partition/messages.js';
export { PARKED, StepFailure } from './partition/parking.js';
export { runOf } from './partition/subject.js';
export { loadPartition, partitionMachine } from './partition/partition.machine.js';
export { LIMITS, type Limits, type PartitionState, emptyPartition } from './partition/state.js';
export { nextDue } from './partition/time.js';
export { poolMachine } from './pool/pool.machine.js';
export {
  type Match,
  type Offer,
  type PoolMessage,
  type PoolState,
  emptyPool,
  viewPool,
} from './pool/state.js';
export { ledgerMachine } from './ledger/ledger.machine.js';
export type {
  EndError,
  Ending,
  LedgerDown,
  LedgerEffect,
  LedgerMessage,
  LedgerRecord,
  LedgerUp,
  Refusal,
  Verdict,
  Work,
} from './ledger/messages.js';
export { Owners } from './ledger/owners.js';
export { restoreLedger, snapshotLedger } from './ledger/restore.js';
export { type LedgerOptions, type LedgerState, busyOf, ledgerKey } from './ledger/state.js';
export { NEVER_AGAIN, decideRetry } from './retry/decide.js';
export type {
  Bodies,
  BodiesWanted,
  Claim,
  Claimed,
  ClaimsWanted,
  ClusterEventKind,
  ClosedView,
  ClusterView,
  CommitOutcome,
  Committed,
  ExpiriesPage,
  Expiry,
  Failure,
  Fence,
  Fetched,
  HeldPage,
  InboxRow,
  LanePage,
  LanesPage,
  AtEpoch,
  LoadWanted,
  LoadedPartition,
  LoadedRun,
  NodeName,
  NodeStats,
  NodeView,
  OwnedView,
  Reply,
  Specification,
  SpecificationRef,
  Store,
  StoreControl,
  StoreReads,
} from './store/port.js';
export {
  CLUSTER_EVENT_KINDS,
  INBOX_COMMAND,
  INBOX_EXECUTOR,
  INBOX_JOB,
  INBOX_SUBMIT,
} from './store/port.js';
export { type RunRow, cellOf, executorOf, executorRowOf, nameOf } from './store/rows.js';
export {
  type AmendedRun,
  type AsideRow,
  type CachedResult,
  type CommandAnswer,
  type DiscardedRun,
  type ExecutorRow,
  type FinishedRun,
  type GrantedCell,
  type Keyed,
  type OutgoingMessage,
  type PartitionWrites,
  type ReusedResult,
  type RunEnd,
  type SealedAttempt,
  type SealedGrant,
  type SealedRun,
  isGranted,
  noWrites,
  sealAttempt,
  sealEnd,
  sealGrant,
  sealRun,
  stateCode,
} from './store/writes.js';
