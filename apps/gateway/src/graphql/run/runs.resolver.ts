import { Args, Context, ID, Query, Resolver } from '@nestjs/graphql';
import { ProjectsService } from '../../auth/projects.service.js';
import type { GraphqlContext } from '../driver/context.js';
import { notFound } from '../driver/errors.js';
import { Requires } from '../driver/roles.js';
import { type RunOrder, RunOrderEnum } from '../schema/enums.js';
import { type ConnectionOf, PageArgs } from '../schema/page.js';
import { RunFilter } from './run.inputs.js';
import { Run, RunConnection } from './run.model.js';
import { toRun } from './run.view.js';
import { RunsService } from './runs.service.js';

@Resolver(() => Run)
export class RunsResolver {
  constructor(
    private readonly runs: RunsService,
    private readonly projects: ProjectsService,
  ) {}

  @Query(() => Run, { name: 'run', nullable: true, description: 'One run, live or final.' })
  @Requires('VIEWER')
  async one(
    @Args('id', { type: () => ID, description: 'Its id.' }) id: string,
    @Context() context: GraphqlContext,
  ): Promise<Run | undefined> {
    const row = await context.runs.load(id);
    return row && toRun(row);
  }

  @Query(() => RunConnection, { name: 'runs', description: 'Runs of a project, page by page.' })
  @Requires('VIEWER')
  async list(
    @Context() { viewer }: GraphqlContext,
    @Args('project', { type: () => String, description: 'The name of the project.' }) name: string,
    @Args('filter', { type: () => RunFilter, nullable: true, description: 'Which of them.' })
    filter: RunFilter | null,
    @Args('orderBy', {
      type: () => RunOrderEnum,
      nullable: true,
      defaultValue: 'NEWEST',
      description: 'In which order.',
    })
    order: RunOrder | null,
    @Args() page: PageArgs,
  ): Promise<ConnectionOf<Run>> {
    const project = await this.projects.named(viewer, name);
    if (project === undefined) throw notFound(`Project ${JSON.stringify(name)}`);
    return await this.runs.list(project, page, filter, order ?? 'NEWEST');
  }
}
