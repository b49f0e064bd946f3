import { Inject, Injectable } from '@nestjs/common';
import { Definitions, deleteJob, holdJob, rollbackJob } from '#definitions';
import type { Installation, ProjectRow } from '#postgres';
import { NAME_PATTERN } from '#protocol';
import type { Logger } from '#telemetry';
import { ProjectsService } from '../../auth/projects.service.js';
import { type Viewer, actorOf } from '../../auth/viewer.js';
import { AnswersService } from '../../intake/answers.service.js';
import { HintsService } from '../../intake/hints.service.js';
import { Ids } from '../../intake/ids.js';
import { INSTALLATION, LOGGER } from '../../tokens.js';
import { checkReason } from '../run/commands.service.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { JobActionInput, JobPayload, RollbackJobInput } from './job.model.js';
import { refusedJob, rowOf } from './job.view.js';

type Place =
  | { readonly ok: true; readonly project: ProjectRow }
  | { readonly ok: false; readonly errors: readonly UserError[] };

/** What is done to a job that is there; how it comes to be stands in apply.service.ts. */
@Injectable()
export class JobActionsService {
  constructor(
    private readonly definitions: Definitions,
    private readonly projects: ProjectsService,
    private readonly ids: Ids,
    private readonly hints: HintsService,
    private readonly answers: AnswersService,
    @Inject(INSTALLATION) private readonly installation: Installation,
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
    const { name, reason = null } = input;
    const job = await deleteJob(this.definitions, { project: place.project.id, name });
    if (job === undefined) return refusedJob([noJob(name)]);
    this.log.info('a job was deleted', { job: job.id, name, by: actorOf(viewer), reason });
    return { job: rowOf(job), changed: true, pending: false, userErrors: [] };
  }

  /** Pending: not every partition has said yet that it goes by it. */
  async hold(viewer: Viewer, input: JobActionInput, paused: boolean): Promise<JobPayload> {
    const place = await this.placeOf(viewer, input);
    if (!place.ok) return refusedJob(place.errors);
    const { name, reason = null } = input;
    const { partitions } = this.installation;
    const ids = Array.from({ length: partitions }, () => this.ids.next());
    const by = actorOf(viewer);
    const project = place.project.id;
    const done = await holdJob(this.definitions, { project, name, paused, by, reason, ids });
    if (done === undefined) return refusedJob([noJob(name)]);
    const { job, changed } = done;
    const what = paused ? 'a job was paused' : 'a job goes on';
    if (changed) this.log.info(what, { job: job.id, name, by, reason });
    this.hints.nudge(ids.map((_, partition) => partition));
    const outcomes = await Promise.all(ids.map((id) => this.answers.outcomeOf(id)));
    const pending = outcomes.includes(undefined);
    return { job: rowOf(job), changed, pending, userErrors: [] };
  }

  private async placeOf(
    viewer: Viewer,
    input: { readonly project: string; readonly name: string; readonly reason?: string | null },
  ): Promise<Place> {
    const errors = findBrokenStrings(input);
    checkReason(input.reason, errors);
    if (errors.length > 0) return { ok: false, errors };
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
