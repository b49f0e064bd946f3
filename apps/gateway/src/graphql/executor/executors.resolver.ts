import { Args, Context, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import {
  type ConnectionOf,
  PageArgs,
  decodeCursor,
  encodeCursor,
  pageOf,
  pageSize,
} from '../schema/page.js';
import { Executor, ExecutorConnection, ExecutorFilter, Pool } from './executor.model.js';
import type { ExecutorView } from './executor.view.js';
import { ExecutorsService } from './executors.service.js';

const CURSOR = 'executor';

@Resolver(() => Executor)
export class ExecutorsResolver {
  constructor(private readonly executors: ExecutorsService) {}

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
    return await this.page(page, filter ?? {});
  }

  @Query(() => [Pool], { description: 'Every pool that has an executor, by name.' })
  @Requires('VIEWER')
  async pools(): Promise<readonly Pool[]> {
    const slots = new Map<string, number>();
    for (const { pool, state, slots: own } of await this.executors.all()) {
      slots.set(pool, (slots.get(pool) ?? 0) + (state === 'ACTIVE' ? own : 0));
    }
    const names = [...slots.keys()].sort();
    return names.map((name) => ({ name, slots: slots.get(name) ?? 0 }));
  }

  @ResolveField(() => Pool, { description: 'The pool that its slots belong to.' })
  async pool(@Parent() executor: ExecutorView): Promise<Pool> {
    const pools = await this.pools();
    return pools.find((pool) => pool.name === executor.pool) ?? { name: executor.pool, slots: 0 };
  }

  async page(page: PageArgs, filter: ExecutorFilter): Promise<ConnectionOf<ExecutorView>> {
    const [after] = decodeCursor(CURSOR, page.after, ([id]) => typeof id === 'string') ?? [''];
    const size = pageSize(page.first);
    const found = (await this.executors.all()).filter(
      ({ id, pool, state }) =>
        id > (after as string) &&
        (filter.pools?.includes(pool) ?? true) &&
        (filter.states?.includes(state) ?? true),
    );
    return pageOf(
      found,
      size,
      (executor) => executor,
      ({ id }) => encodeCursor(CURSOR, id),
    );
  }
}

@Resolver(() => Pool)
export class PoolResolver {
  constructor(private readonly executors: ExecutorsResolver) {}

  @ResolveField(() => ExecutorConnection, { name: 'executors', description: 'Its executors.' })
  async list(@Parent() pool: Pool, @Args() page: PageArgs): Promise<ConnectionOf<ExecutorView>> {
    return await this.executors.page(page, { pools: [pool.name] });
  }
}
