import {
  Args,
  Context,
  ID,
  Parent,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import { Pool, type PoolView } from '../pool/pool.model.js';
import { PoolsService } from '../pool/pools.service.js';
import { mapStream } from '../run/streams.js';
import { type ConnectionOf, PageArgs } from '../schema/page.js';
import { Executor, ExecutorConnection, ExecutorFilter } from './executor.model.js';
import type { ExecutorView } from './executor.view.js';
import { ExecutorsService } from './executors.service.js';

const itself = (value: unknown): unknown => value;

@Resolver(() => Executor)
export class ExecutorsResolver {
  constructor(
    private readonly executors: ExecutorsService,
    private readonly pools: PoolsService,
  ) {}

  @Query(() => Executor, { nullable: true, description: 'One executor, by id.' })
  @Requires('VIEWER')
  async executor(
    @Args('id', { type: () => ID, description: 'Its id.' }) id: string,
    @Context() context: GraphqlContext,
  ): Promise<ExecutorView | undefined> {
    return await context.executors.load(id);
  }

  @Query(() => ExecutorConnection, {
    name: 'executors',
    description: 'The executors of the cluster, by id.',
  })
  @Requires('VIEWER')
  async list(
    @Args() page: PageArgs,
    @Args('filter', {
      type: () => ExecutorFilter,
      nullable: true,
      description: 'Which of them.',
    })
    filter: ExecutorFilter | null,
  ): Promise<ConnectionOf<ExecutorView>> {
    return await this.executors.page(page, filter ?? {});
  }

  @Subscription(() => Executor, {
    resolve: itself,
    description:
      'Each executor that is meant as it is now, then whenever it changes; once more when it is ' +
      'meant no longer. A slow reader gets the newest of each.',
  })
  @Requires('VIEWER')
  fleetChanged(
    @Args('filter', { type: () => ExecutorFilter, nullable: true, description: 'Which of them.' })
    filter: ExecutorFilter | null,
  ): AsyncIterableIterator<ExecutorView> {
    return mapStream(this.executors.follow(filter ?? {}), (executor) => executor);
  }

  @ResolveField(() => Pool, { description: 'The pool that its slots belong to.' })
  async pool(@Parent() executor: ExecutorView): Promise<PoolView> {
    return await this.pools.named(executor.pool);
  }
}
