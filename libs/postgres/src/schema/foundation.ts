import { BULK } from '../functions/bulk.sql.js';
import { COMMIT } from '../functions/commit.sql.js';
import { GRANTS, UPKEEP_GRANTS } from '../functions/grants.sql.js';
import { INTAKE } from '../functions/intake.sql.js';
import { JOBS } from '../functions/jobs.sql.js';
import { DIRECTORY, LOGS } from '../functions/journal.sql.js';
import { LOAD } from '../functions/load.sql.js';
import { LOG_BOUND } from '../functions/log-bound.sql.js';
import { OWNERSHIP } from '../functions/ownership.sql.js';
import { UPKEEP } from '../functions/upkeep.sql.js';
import { CLUSTER_TABLES } from './cluster.sql.js';
import { POLICIES } from './policies.sql.js';
import { ROLES } from './roles.sql.js';
import { DEFINITION_TABLES, TABLES } from './tables.sql.js';

/** The first migration's statements, in order. Once released it is never changed. */
export const FOUNDATION: readonly string[] = [
  ...[ROLES, TABLES, CLUSTER_TABLES, DEFINITION_TABLES, POLICIES],
  'set role orrery_writer',
  ...[COMMIT, INTAKE, OWNERSHIP, LOAD, LOGS, LOG_BOUND, JOBS, BULK, DIRECTORY, GRANTS],
  'set role orrery_owner',
  ...[UPKEEP, UPKEEP_GRANTS],
  'reset role',
];
