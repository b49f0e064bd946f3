export { STOP } from './behavior.js';
export type {
  ActorContext,
  Behavior,
  Loading,
  SpawnOptions,
  Stop,
  ThreadEntry,
} from './behavior.js';
export { PARKING_FAILURE, PARKING_WINDOW_MS, cells } from './cells.js';
export type { CellEffect, CellMessage, CellPolicy, Cells } from './cells.js';
export type { Ingest } from './ingest.js';
export type { Incident } from './kernel.js';
export type { Machine, Millis } from './machine.js';
export type { MailboxPolicy } from './mailbox.js';
export type {
  ActorRef,
  Address,
  Admit,
  Answer,
  Outcome,
  StopReason,
  Terminated,
} from './refs.js';
export { systemClock, systemDispatcher, systemRuntime } from './runtime.js';
export type { Clock, Dispatcher, Runtime } from './runtime.js';
export type { Directive, Failure, SupervisionStrategy } from './supervision.js';
export { createSystem } from './system.js';
export type { ActorSystem } from './system.js';
export { ManualClock } from './testkit/manual-clock.js';
export { probe } from './testkit/probe.js';
export type { Probe } from './testkit/probe.js';
export { SeededDispatcher, seededRandom } from './testkit/seeded-dispatcher.js';
export { TestSignal } from './testkit/test-signal.js';
export { until } from './testkit/until.js';
export { workerUrl } from './threads/entry.js';
export type { Entry, ThreadPool, ThreadSpawnOptions } from './threads/entry.js';
export { createThreadPool } from './threads/pool.js';
export type { ThreadPoolOptions } from './threads/pool.js';
