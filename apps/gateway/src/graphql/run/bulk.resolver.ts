import { Args, Context, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { ProjectsService } from '../../auth/projects.service.js';
import { notFound } from '../driver/errors.js';
import { type ConnectionOf, PageArgs } from '../schema/page.js';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import {
  BulkConnection,
  BulkModel,
  BulkPayload,
  BulkRunsInput,
  BulkRunsPayload,
  CancelBulkInput,
} from './bulk.model.js';
import { BulkService } from './bulk.service.js';
import { BulksService } from './bulks.service.js';

@Resolver(() => BulkModel)
export class BulkResolver {
  constructor(
    private readonly begun: BulkService,
    private readonly bulks: BulksService,
    private readonly projects: ProjectsService,
  ) {}

  @Query(() => BulkModel, {
    nullable: true,
    description: 'How far an action on many runs is, by the id that `bulkRuns` has answered.',
  })
  @Requires('VIEWER')
  async bulk(
    @Args('id', { type: () => ID, description: 'Its id.' }) id: string,
    @Context() { viewer }: GraphqlContext,
  ): Promise<BulkModel | undefined> {
    return await this.bulks.find(viewer, id);
  }

  @Query(() => BulkConnection, {
    name: 'bulks',
    description:
      'Actions on many runs of a project, the newest first: those under way, and those ' +
      'that have ended in the last 24 hours.',
  })
  @Requires('VIEWER')
  async list(
    @Args('project', { type: () => String, description: 'The name of the project.' }) name: string,
    @Args() page: PageArgs,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ConnectionOf<BulkModel>> {
    const project = await this.projects.named(viewer, name);
    if (project === undefined) throw notFound(`Project ${JSON.stringify(name)}`);
    return await this.bulks.list(project, page);
  }

  @Mutation(() => BulkPayload, {
    description: 'Stops an action on many runs where it is. What was applied stays so.',
  })
  @Requires('OPERATOR')
  async cancelBulk(
    @Args('input', { type: () => CancelBulkInput, description: 'Which one, and why.' })
    input: CancelBulkInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<BulkPayload> {
    return await this.bulks.cancel(viewer, input);
  }

  @Mutation(() => BulkRunsPayload, {
    description:
      'Does the same to every run that a filter matches now, at most 1,000,000 of them. Waits up ' +
      'to 5 s for the end, else says `pending`.',
  })
  @Requires('OPERATOR')
  async bulkRuns(
    @Args('input', { type: () => BulkRunsInput, description: 'Which runs, and what.' })
    input: BulkRunsInput,
    @Context() context: GraphqlContext,
  ): Promise<BulkRunsPayload> {
    return await this.begun.apply(context, input);
  }
}
