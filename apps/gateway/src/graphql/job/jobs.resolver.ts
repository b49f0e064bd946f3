import { Inject } from '@nestjs/common';
import {
  Args,
  Context,
  Extensions,
  Mutation,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import type { Settings } from '#config';
import { Definitions, listJobVersions, listJobs } from '#definitions';
import { type JobRow } from '#postgres';
import { NAME_PATTERN, parseJson } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import { defaultsOf, effectiveValues } from '../../specification/defaults.js';
import { SETTINGS } from '../../tokens.js';
import type { GraphqlContext } from '../driver/context.js';
import { notFound } from '../driver/errors.js';
import { Requires } from '../driver/roles.js';
import { Project } from '../project/project.model.js';
import { RunFilter } from '../run/run.inputs.js';
import { Run, RunConnection } from '../run/run.model.js';
import { RunsService } from '../run/runs.service.js';
import {
  type ConnectionOf,
  PageArgs,
  decodeCursor,
  encodeCursor,
  pageOf,
  pageSize,
} from '../schema/page.js';
import { JsonScalar } from '../schema/scalars.js';
import { ApplyService } from './apply.service.js';
import {
  ApplyJobInput,
  EffectiveValue,
  Job,
  JobConnection,
  JobFilter,
  JobPayload,
  JobVersion,
  JobVersionConnection,
} from './job.model.js';
import { rowOf } from './job.view.js';
import { JobsService } from './jobs.service.js';

const CURSOR = 'job';
const VERSION_CURSOR = 'version';

@Resolver(() => Job)
export class JobsResolver {
  constructor(
    private readonly projects: ProjectsService,
    private readonly jobs: JobsService,
    private readonly applier: ApplyService,
    private readonly definitions: Definitions,
  ) {}

  @Query(() => Job, { nullable: true, description: 'One job, by name.' })
  @Requires('VIEWER')
  async job(
    @Args('project', { type: () => String, description: 'The name of its project.' })
    projectName: string,
    @Args('name', { type: () => String, description: 'Its name.' }) name: string,
    @Context() { viewer }: GraphqlContext,
  ): Promise<JobRow | undefined> {
    const project = await this.projects.named(viewer, projectName);
    return project && (await this.jobs.named(project.id, name));
  }

  @Query(() => JobConnection, { name: 'jobs', description: 'The jobs of a project, by name.' })
  @Requires('VIEWER')
  async list(
    @Args('project', { type: () => String, description: 'The name of the project.' })
    projectName: string,
    @Args() page: PageArgs,
    @Args('filter', { type: () => JobFilter, nullable: true, description: 'Which of them.' })
    filter: JobFilter | null,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ConnectionOf<JobRow>> {
    const project = await this.projects.named(viewer, projectName);
    if (project === undefined) throw notFound(`Project ${JSON.stringify(projectName)}`);
    const size = pageSize(page.first);
    const isSound = ([name]: readonly unknown[]): boolean => typeof name === 'string';
    const [after] = decodeCursor(CURSOR, page.after, isSound) ?? [null];
    const found = await listJobs(this.definitions, {
      project: project.id,
      names: filter?.names?.filter((name) => NAME_PATTERN.test(name)) ?? null,
      after: after as string | null,
      limit: size + 1,
    });
    return pageOf(found, size, rowOf, ({ name }) => encodeCursor(CURSOR, name));
  }

  @Mutation(() => JobPayload, {
    description: 'Makes a job or changes it. An equal specification changes nothing.',
  })
  @Requires('EDITOR')
  async applyJob(
    @Args('input', { type: () => ApplyJobInput, description: 'The job as it is to be.' })
    input: ApplyJobInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<JobPayload> {
    return await this.applier.apply(viewer, input);
  }
}

/** What of a job costs another read. */
@Resolver(() => Job)
export class JobDetailsResolver {
  constructor(
    private readonly runs: RunsService,
    private readonly definitions: Definitions,
    private readonly projects: ProjectsService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @ResolveField(() => Project, { description: 'The project it belongs to.' })
  async project(@Parent() job: JobRow, @Context() context: GraphqlContext): Promise<Project> {
    const project = await context.project(job.project);
    if (project === undefined) throw new Error(`job ${job.id} has no project`);
    return project;
  }

  @ResolveField(() => JsonScalar, { description: 'The specification of the newest version.' })
  async spec(@Parent() job: JobRow, @Context() context: GraphqlContext): Promise<unknown> {
    return await specOf(job, context);
  }

  @ResolveField(() => [EffectiveValue], {
    description: "What its runs go by: its own values, its project's, and the built-in ones.",
  })
  @Extensions({ listSize: 25 })
  async effective(
    @Parent() job: JobRow,
    @Context() context: GraphqlContext,
  ): Promise<readonly EffectiveValue[]> {
    const project = await context.project(job.project);
    if (project === undefined) throw new Error(`job ${job.id} has no project`);
    const { defaults } = await this.projects.fresh(project);
    return effectiveValues(
      await specOf(job, context),
      defaultsOf(defaults),
      this.settings.silentAfterMs,
    );
  }

  @ResolveField(() => String, { nullable: true, description: 'What it is for.' })
  async description(@Parent() job: JobRow, @Context() context: GraphqlContext): Promise<unknown> {
    return (await specOf(job, context))['description'] ?? null;
  }

  @ResolveField(() => String, { nullable: true, description: 'Who answers for it.' })
  async owner(@Parent() job: JobRow, @Context() context: GraphqlContext): Promise<unknown> {
    return (await specOf(job, context))['owner'] ?? null;
  }

  @ResolveField(() => JsonScalar, { description: 'Its labels: an object of texts.' })
  async labels(@Parent() job: JobRow, @Context() context: GraphqlContext): Promise<unknown> {
    return (await specOf(job, context))['labels'] ?? {};
  }

  @ResolveField(() => JobVersionConnection, { description: 'Its versions, the newest first.' })
  async versions(@Parent() job: JobRow, @Args() page: PageArgs): Promise<ConnectionOf<JobVersion>> {
    const size = pageSize(page.first);
    const isSound = ([version]: readonly unknown[]): boolean => Number.isSafeInteger(version);
    const [before] = decodeCursor(VERSION_CURSOR, page.after, isSound) ?? [null];
    const found = await listJobVersions(this.definitions, {
      project: job.project,
      job: job.id,
      before: before as number | null,
      limit: size + 1,
    });
    return pageOf(
      found,
      size,
      ({ version, spec, createdAt, createdBy }) => ({
        version,
        spec: parseJson(spec),
        createdAt: createdAt.getTime(),
        createdBy,
      }),
      ({ version }) => encodeCursor(VERSION_CURSOR, version),
    );
  }

  @ResolveField(() => RunConnection, { name: 'runs', description: 'Its runs, the newest first.' })
  async runsOf(
    @Parent() job: JobRow,
    @Args() page: PageArgs,
    @Args('filter', { type: () => RunFilter, nullable: true, description: 'Which of them.' })
    filter: RunFilter | null,
    @Context() context: GraphqlContext,
  ): Promise<ConnectionOf<Run>> {
    const project = await context.project(job.project);
    if (project === undefined) throw new Error(`job ${job.id} has no project`);
    return await this.runs.list(project, page, filter, 'NEWEST', job.id);
  }
}

async function specOf(
  job: JobRow,
  context: GraphqlContext,
): Promise<Readonly<Record<string, unknown>>> {
  const text = await context.jobSpecs.load(`${job.id}/${job.version}`);
  if (text === undefined) throw new Error(`job ${job.id} has no version ${job.version}`);
  return parseJson(text) as Record<string, unknown>;
}
