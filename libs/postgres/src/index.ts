export {
  Connection,
  type ConnectionOptions,
  DeadlineError,
  type Role,
  newSession,
} from './connection.js';
export { FORMAT, type Installation, migrate, readInstallation } from './migrate.js';
export {
  type AsideRow,
  type CommandAnswer,
  type Committed,
  type ExecutorRow,
  type FinishedRun,
  type OutgoingMessage,
  type PartitionWrites,
  type RunEnd,
  type SealedRun,
  sealEnd,
  sealRun,
  commitBatch,
} from './commit.js';
export {
  type IntakeBatch,
  type KeyClaim,
  type NewCommand,
  type NewRun,
  type NewSpecification,
  type Replay,
  type Taken,
  intakeBatch,
} from './intake.js';
export {
  type Expiry,
  FIRST_ID,
  type Fetched,
  INBOX_CANCEL,
  INBOX_SUBMIT,
  type InboxRow,
  type LoadedExecutor,
  type LoadedPartition,
  type LoadedRun,
  fetchParams,
  fetchRuns,
  loadExpiries,
  loadLane,
  loadPartition,
  loadRuns,
  sweepInbox,
} from './load.js';
export { type Failure, classify } from './outcome.js';
export {
  type ClusterView,
  type NodeView,
  type PartitionView,
  claimPartition,
  leaveNode,
  releasePartition,
  touchNode,
  wantPartition,
} from './ownership.js';
export { type SpecificationRef, Specifications } from './specifications.js';
