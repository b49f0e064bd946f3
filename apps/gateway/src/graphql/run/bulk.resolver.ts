import { Args, Context, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import { BulkModel, BulkRunsInput, BulkRunsPayload } from './bulk.model.js';
import { BulkService } from './bulk.service.js';

@Resolver(() => BulkModel)
export class BulkResolver {
  constructor(private readonly bulks: BulkService) {}

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
    return await this.bulks.apply(context, input);
  }
}
