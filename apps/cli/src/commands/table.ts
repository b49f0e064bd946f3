import type { Command } from './command.js';
import { executors } from './executors.js';
import { jobs } from './jobs.js';
import { pools } from './pools.js';
import { holds } from './holds.js';
import { query } from './query.js';
import { actions } from './actions.js';
import { cluster } from './cluster.js';
import { clusterEvents } from './cluster-events.js';
import { bulks } from './bulk.js';
import { dead } from './dead.js';
import { runs } from './runs.js';
import { submit } from './submit.js';
import { versions } from './versions.js';

/** Everything that talks to a running Orrery; `dev` and `migrate` stand in start.ts. */
export const commands: readonly Command[] = [
  submit,
  ...runs,
  ...actions,
  ...bulks,
  ...dead,
  ...jobs,
  ...holds,
  ...versions,
  ...executors,
  ...pools,
  cluster,
  clusterEvents,
  query,
];
