import { Inject, Injectable } from '@nestjs/common';
import { type Millis, laneOf, partitionOf } from '#core';
import type { Installation, JobRow, ProjectRow } from '#postgres';
import { ProjectsService } from '../../auth/projects.service.js';
import type { Viewer } from '../../auth/viewer.js';
import { GroupCommit } from '../../intake/group-commit.js';
import { Ids } from '../../intake/ids.js';
import type { IntakeItem } from '../../intake/item.js';
import { parseJson, stringifyJson } from '../../json/lossless.js';
import { ParamsChecker } from '../../specification/params.js';
import { storedOf } from '../../specification/resolve.js';
import { readSpecification } from '../../specification/specification.js';
import { INSTALLATION } from '../../tokens.js';
import { JobsService, type ResolvedVersion } from '../job/jobs.service.js';
import {
  type Path,
  type UserError,
  findBrokenStrings,
  notFoundError,
} from '../schema/user-error.js';
import type { SubmitRunInput } from './run.inputs.js';
import { type ReadSubmission, readKey, readSubmission } from './submission.js';

export type Prepared =
  | { readonly ok: true; readonly item: IntakeItem & Required<Pick<IntakeItem, 'run'>> }
  | { readonly ok: false; readonly userErrors: readonly UserError[] };

interface Chosen extends ResolvedVersion {
  readonly job: JobRow | null;
  readonly version: number | null;
}

const OPERATION = 'submitRun';

/** From what was asked for to the rows of a run; every error of the input at once. */
@Injectable()
export class SubmitService {
  private readonly checker = new ParamsChecker();

  constructor(
    private readonly projects: ProjectsService,
    private readonly jobs: JobsService,
    private readonly ids: Ids,
    @Inject(INSTALLATION) private readonly installation: Installation,
    readonly intake: GroupCommit,
  ) {}

  async prepare(viewer: Viewer, input: SubmitRunInput, path: Path): Promise<Prepared> {
    const broken = findBrokenStrings(input, path);
    if (broken.length > 0) return { ok: false, userErrors: broken };
    const project = await this.projects.named(viewer, input.project);
    if (project === undefined) {
      const what = `Project ${JSON.stringify(input.project)}`;
      return { ok: false, userErrors: [notFoundError([...path, 'project'], what)] };
    }
    const errors: UserError[] = [];
    const read = readSubmission(input, path, errors);
    const key = readKey(project.id, OPERATION, input, path, errors);
    const chosen = await this.choose(project, input, path, errors);
    if (chosen !== undefined && chosen.specification.params !== undefined) {
      errors.push(...this.checkParams(chosen, read, path));
    }
    if (errors.length > 0 || chosen === undefined) return { ok: false, userErrors: errors };
    const run = this.rowOf(project.id, chosen, read);
    const specification = { project: project.id, ...chosen.stored };
    return { ok: true, item: { run, specification, ...(key === undefined ? {} : { key }) } };
  }

  /** Undefined: there are errors that say why not. */
  private async choose(
    project: ProjectRow,
    input: SubmitRunInput,
    path: Path,
    errors: UserError[],
  ): Promise<Chosen | undefined> {
    if (input.job !== undefined && input.job !== null) {
      return await this.chooseJob(project, input.job, input, path, errors);
    }
    if (input.spec === undefined || input.spec === null) return undefined;
    const read = readSpecification(input.spec, [...path, 'spec']);
    if (!read.ok) {
      errors.push(...read.errors);
      return undefined;
    }
    const { specification } = read;
    const stored = storedOf(specification, { job: null, project: project.name });
    return { specification, stored, job: null, version: null };
  }

  private async chooseJob(
    project: ProjectRow,
    name: string,
    input: SubmitRunInput,
    path: Path,
    errors: UserError[],
  ): Promise<Chosen | undefined> {
    const job = await this.jobs.named(project.id, name);
    if (job === undefined) {
      errors.push(notFoundError([...path, 'job'], `Job ${JSON.stringify(name)}`));
      return undefined;
    }
    const version = input.jobVersion ?? job.version;
    const resolved = await this.jobs.resolve(project, job, version);
    if (resolved === undefined) {
      const what = `Version ${version} of job ${name}`;
      errors.push(notFoundError([...path, 'jobVersion'], what));
      return undefined;
    }
    return { ...resolved, job, version };
  }

  private checkParams(chosen: Chosen, read: ReadSubmission, path: Path): UserError[] {
    const { hash } = chosen.stored;
    const schema = chosen.specification.params;
    // The schema is no part of the stored hash: two versions may differ in nothing else.
    const name = chosen.job === null ? `${hash}/${stringifyJson(schema)}` : versionName(chosen);
    const params = read.params === null ? null : parseJson(read.params);
    return this.checker.check(name, schema, params, [...path, 'params']);
  }

  private rowOf(project: string, chosen: Chosen, read: ReadSubmission) {
    const { specification, stored, job, version } = chosen;
    const { kind, need, pool } = specification;
    const id = this.ids.next();
    const priority = read.priority ?? specification.priority;
    const labels = { ...specification.labels, ...read.labels };
    const startDeadlineMs: Millis | null = read.startDeadlineMs ?? specification.startDeadlineMs;
    return {
      id,
      partition: partitionOf(id, this.installation.partitions),
      project,
      job: job?.id ?? null,
      jobVersion: version,
      spec: stored.hash,
      kind,
      pool,
      need,
      priority,
      lane: laneOf({ pool, need, project, priority }),
      at: read.at,
      afterMs: read.afterMs,
      startDeadlineMs,
      retryOf: null,
      params: read.params,
      labels: Object.keys(labels).length === 0 ? null : JSON.stringify(labels),
    };
  }
}

const versionName = ({ job, version }: Chosen): string => `${job?.id}/${version}`;
