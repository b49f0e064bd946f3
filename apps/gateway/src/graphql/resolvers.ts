import { ClusterResolver } from './cluster/cluster.resolver.js';
import { ExecutorActionsResolver } from './executor/executor-actions.resolver.js';
import { ExecutorsResolver } from './executor/executors.resolver.js';
import { JobActionsResolver } from './job/job-actions.resolver.js';
import { JobDetailsResolver, JobsResolver } from './job/jobs.resolver.js';
import { ApiKeysResolver } from './key/api-keys.resolver.js';
import { PoolsResolver } from './pool/pools.resolver.js';
import { ProjectsResolver, ViewerResolver } from './project/projects.resolver.js';
import { AttemptResolver, RunDetailsResolver } from './run/run-details.resolver.js';
import { BulkResolver } from './run/bulk.resolver.js';
import { RunActionsResolver } from './run/run-actions.resolver.js';
import { RunStreamsResolver } from './run/run-streams.resolver.js';
import { RunsResolver } from './run/runs.resolver.js';
import { SubmitResolver } from './run/submit.resolver.js';

/** The whole API: the gateway serves these, and `npm run gen` prints the schema from them. */
export const RESOLVERS = [
  ApiKeysResolver,
  AttemptResolver,
  BulkResolver,
  ClusterResolver,
  ExecutorActionsResolver,
  ExecutorsResolver,
  JobActionsResolver,
  JobDetailsResolver,
  JobsResolver,
  PoolsResolver,
  ProjectsResolver,
  RunActionsResolver,
  RunDetailsResolver,
  RunsResolver,
  RunStreamsResolver,
  SubmitResolver,
  ViewerResolver,
];
