import { Inject, Injectable } from '@nestjs/common';
import { Definitions, deleteJob, rollbackJob } from '#definitions';
import type { ProjectRow } from '#postgres';
import { NAME_PATTERN } from '#protocol';
import type { Logger } from '#telemetry';
import { ProjectsService } from '../../auth/projects.service.js';
import { type Viewer, actorOf } from '../../auth/viewer.js';
import { LOGGER } from '../../tokens.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { JobActionInput, JobPayload, RollbackJobInput } from './job.model.js';
import { refusedJob, rowOf } from './job.view.js';

const REASON_CHARS_MAX = 1_000;

type Place =
  | { readonly ok: true; readonly project: ProjectRow }
  | { readonly ok: false; readonly errors: readonly UserError[] };

/** What is done to a job that is there; how it comes to be stands in apply.service.ts. */
@Injectable()
export class JobActionsService {
  constructor(
    private readonly definitions: Definitions,
    private readonly projects: ProjectsService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  async rollback(viewer: Viewer, input: RollbackJobInput): Promise<JobPayload> {
    const place = await this.placeOf(viewer, input);
    if (!place.ok) return refusedJob(place.errors);
    const { name, toVersion } = input;
    const by = actorOf(viewer);
    const project = place.project.id;
    const done = await rollbackJob(this.definitions, { project, name, toVersion, by });
    switch (done.kind) {
      case 'applied':
        return { job: rowOf(done.job), changed: done.changed, pending: false, userErrors: [] };
      case 'no-job':
        return refusedJob([noJob(name)]);
      case 'no-version': {
        const message = `Job ${name} has no version ${toVersion}: its newest is ${done.newest}.`;
        return refusedJob([userError('NOT_FOUND', ['toVersion'], message)]);
      }
      default: {
        const never: never = done;
        return never;
      }
    }
  }

  async delete(viewer: Viewer, input: JobActionInput): Promise<JobPayload> {
    const place = await this.placeOf(viewer, input);
    if (!place.ok) return refusedJob(place.errors);
    const reason = input.reason ?? null;
    if ((reason?.length ?? 0) > REASON_CHARS_MAX) {
      const message = `A reason has at most ${REASON_CHARS_MAX} characters.`;
      return refusedJob([userError('INVALID_VALUE', ['reason'], message)]);
    }
    const { name } = input;
    const job = await deleteJob(this.definitions, { project: place.project.id, name });
    if (job === undefined) return refusedJob([noJob(name)]);
    this.log.info('a job was deleted', { job: job.id, name, by: actorOf(viewer), reason });
    return { job: rowOf(job), changed: true, pending: false, userErrors: [] };
  }

  private async placeOf(
    viewer: Viewer,
    input: Pick<JobActionInput, 'project' | 'name'>,
  ): Promise<Place> {
    const broken = findBrokenStrings(input);
    if (broken.length > 0) return { ok: false, errors: broken };
    const project = await this.projects.named(viewer, input.project);
    if (project === undefined) {
      const what = `Project ${JSON.stringify(input.project)}`;
      return { ok: false, errors: [notFoundError(['project'], what)] };
    }
    // PostgreSQL would refuse to look for some of the texts that name nothing.
    if (!NAME_PATTERN.test(input.name)) return { ok: false, errors: [noJob(input.name)] };
    return { ok: true, project };
  }
}

const noJob = (name: string): UserError => notFoundError(['name'], `Job ${JSON.stringify(name)}`);
