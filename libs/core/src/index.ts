export { hash32, unitHash } from './kernel/hash.js';
export type { Machine, Millis } from './kernel/machine.js';
export { DEFAULT_RETRY, retryDelay } from './retry/retry.js';
export { EDGES, assertEdge, mayFollow } from './run/edges.js';
export {
  AGE_STEP_MS,
  type AttemptRecord,
  type CancelRecord,
  type Cell,
  EVENT_TYPES,
  type EventType,
  JOB_KINDS,
  type JobKind,
  LANE_OPEN,
  LANE_TIMED,
  OUTCOMES,
  type Outcome,
  type Place,
  type Policy,
  RUN_STATES,
  type RetryPolicy,
  type RunError,
  type RunFacts,
  type RunRecord,
  type RunState,
  type Token,
  comparePlace,
  isFinal,
  isOpen,
  rankOf,
  sameToken,
} from './run/run.js';
