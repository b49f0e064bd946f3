import { Injectable } from '@nestjs/common';
import { ProjectsService } from '../auth/projects.service.js';
import type { Viewer } from '../auth/viewer.js';
import { Batch, byKey } from './driver/batch.js';
import type { GraphqlContext } from './driver/context.js';
import { ExecutorsService } from './executor/executors.service.js';
import { JobsService } from './job/jobs.service.js';
import { RunsService } from './run/runs.service.js';

/** One context for each operation: loaders that see what its viewer may see. */
@Injectable()
export class ContextsService {
  constructor(
    private readonly runs: RunsService,
    private readonly jobs: JobsService,
    private readonly executors: ExecutorsService,
    private readonly projects: ProjectsService,
  ) {}

  of(viewer: Viewer): GraphqlContext {
    return {
      viewer,
      runs: this.runs.runsOf(viewer),
      bodies: this.runs.bodiesOf(viewer),
      jobs: this.jobs.jobsOf(viewer),
      jobSpecs: this.jobs.specsOf(viewer),
      executors: new Batch(async (ids) =>
        byKey(await this.executors.find(ids), (executor) => executor.id),
      ),
      project: (id) => this.projects.withId(viewer, id),
    };
  }
}
