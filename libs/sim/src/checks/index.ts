import type { World } from '../kernel/world.js';
import type { ExecutorNode } from '../nodes/executor.js';
import type { GatewayNode } from '../nodes/gateway.js';
import type { SchedulerNode } from '../nodes/scheduler.js';
import type { DatabaseServer } from '../store/server.js';
import { acknowledgedIsFinal } from './acknowledged-is-final.js';
import { atMostOnce } from './at-most-once.js';
import { commandsAreTrue } from './commands-are-true.js';
import { journalIsWhole } from './journal-is-whole.js';
import { nothingIsLeft } from './nothing-is-left.js';
import { outcomesAreTrue } from './outcomes-are-true.js';
import type { Watcher } from './watcher.js';

/** Everything that a check may look at once it is calm. */
export interface Evidence {
  readonly world: World;
  readonly server: DatabaseServer;
  readonly gateway: GatewayNode;
  readonly schedulers: readonly SchedulerNode[];
  readonly executors: readonly ExecutorNode[];
  readonly watcher: Watcher;
}
export type Check = (evidence: Evidence) => void;

/** One file a check; `Watcher` has those that look while it happens. */
export const CHECKS: readonly Check[] = [
  acknowledgedIsFinal,
  journalIsWhole,
  outcomesAreTrue,
  atMostOnce,
  commandsAreTrue,
  nothingIsLeft,
];
