export {
  type ClusterEventRow,
  type ClusterEventsRequest,
  type ExecutorRecordRow,
  type NodeRow,
  type PartitionRow,
  findAnswers,
  findExecutors,
  listClusterEvents,
  listExecutors,
  readClock,
  readLags,
  readNodes,
  readPartitions,
} from './cluster.js';
export { findCached } from './cache.js';
export { type BulkRow, findBulk, findKeyedBulk, listBulks } from './bulks.js';
export { type ProjectRow, readProjects } from './directory.js';
export { type BusyRow, type PoolWaitingRow, countBusy, countWaiting } from './fleet.js';
export { type JobRow, type JobVersionRef, findJobSpecs, findJobs, findJobsByName } from './jobs.js';
export { readRunEvents } from './run-events.js';
export { type LogKey, type LogPage, type LogRow, readLogs } from './logs.js';
export { Reader } from './reader.js';
export {
  type RunListFilter,
  listRuns,
  type RunPage,
  type RunTarget,
  countTargets,
  listTargets,
} from './run-list.js';
export { type AsideView, type PlaceRow, readAside, readPlace, readRunTimes } from './waiting.js';
export {
  type RunBodies,
  type RunRow,
  type RunTraitsRow,
  findRunBodies,
  findRunTraits,
  findRuns,
  findSpecification,
} from './runs.js';
