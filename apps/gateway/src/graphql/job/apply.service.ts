import { Inject, Injectable } from '@nestjs/common';
import type { Settings } from '#config';
import { Definitions, applyJob, canonicalJson, hashOf } from '#definitions';
import { NAME_PATTERN } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import { type Viewer, actorOf } from '../../auth/viewer.js';
import { readSpecification } from '../../specification/specification.js';
import { SETTINGS } from '../../tokens.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import type { ApplyJobInput, JobPayload } from './job.model.js';
import { refusedJob, rowOf } from './job.view.js';

@Injectable()
export class ApplyService {
  constructor(
    private readonly definitions: Definitions,
    private readonly projects: ProjectsService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  async apply(viewer: Viewer, input: ApplyJobInput): Promise<JobPayload> {
    const broken = findBrokenStrings(input);
    if (broken.length > 0) return refusedJob(broken);
    const project = await this.projects.named(viewer, input.project);
    if (project === undefined) {
      return refusedJob([notFoundError(['project'], `Project ${JSON.stringify(input.project)}`)]);
    }
    const errors: UserError[] = [];
    if (!NAME_PATTERN.test(input.name)) {
      const message = 'A name has 1 to 80 letters, digits, dots, dashes and underscores.';
      errors.push(userError('INVALID_VALUE', ['name'], message));
    }
    const expectedVersion = input.expectedVersion ?? null;
    if (expectedVersion !== null && expectedVersion < 0) {
      errors.push(userError('INVALID_VALUE', ['expectedVersion'], 'A version is 0 or more.'));
    }
    const read = readSpecification(input.spec, ['spec'], this.settings.silentAfterMs);
    if (!read.ok) errors.push(...read.errors);
    if (errors.length > 0) return refusedJob(errors);
    const spec = canonicalJson(input.spec);
    const applied = await applyJob(this.definitions, {
      project: project.id,
      name: input.name,
      spec,
      hash: hashOf(spec),
      expectedVersion,
      by: actorOf(viewer),
    });
    if (applied.kind === 'conflict') {
      const { actual } = applied;
      const is = actual === 0 ? 'does not exist' : `is at version ${actual}`;
      const message = `Job ${input.name} ${is}, not at ${expectedVersion}: read it and try again.`;
      return refusedJob([userError('VERSION_CONFLICT', ['expectedVersion'], message)]);
    }
    const { job, changed } = applied;
    return { job: rowOf(job), changed, pending: false, userErrors: [] };
  }
}
