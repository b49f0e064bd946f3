import type { JobRow, ProjectRow, RunBodies, RunRow } from '#postgres';
import type { Viewer } from '../../auth/viewer.js';
import type { ExecutorView } from '../executor/executor.view.js';
import type { Batch } from './batch.js';

/** What the resolvers of one operation share. The loaders see what the viewer may see. */
export interface GraphqlContext {
  readonly viewer: Viewer;
  readonly runs: Batch<string, RunRow>;
  readonly bodies: Batch<string, RunBodies>;
  readonly jobs: Batch<string, JobRow>;
  readonly jobSpecs: Batch<string, string>;
  readonly executors: Batch<string, ExecutorView>;
  readonly project: (id: string) => Promise<ProjectRow | undefined>;
}
