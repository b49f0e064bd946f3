import { Args, Int, Parent, Query, ResolveField, Resolver, Subscription } from '@nestjs/graphql';
import { Requires } from '../driver/roles.js';
import { ExecutorConnection } from '../executor/executor.model.js';
import type { ExecutorView } from '../executor/executor.view.js';
import { ExecutorsService } from '../executor/executors.service.js';
import { mapStream } from '../run/streams.js';
import { type ConnectionOf, PageArgs } from '../schema/page.js';
import { DurationScalar } from '../schema/scalars.js';
import { Pool, type PoolView } from './pool.model.js';
import { PoolsService } from './pools.service.js';

const itself = (value: unknown): unknown => value;

@Resolver(() => Pool)
export class PoolsResolver {
  constructor(
    private readonly pools: PoolsService,
    private readonly executors: ExecutorsService,
  ) {}

  @Query(() => [Pool], {
    name: 'pools',
    description: 'Every pool that has an executor or for which a run waits, by name.',
  })
  @Requires('VIEWER')
  async list(): Promise<readonly PoolView[]> {
    return await this.pools.all();
  }

  @Subscription(() => Pool, {
    resolve: itself,
    description:
      'One pool as it is now, then after every change, looked for each second; a slow reader ' +
      'gets the newest.',
  })
  @Requires('VIEWER')
  poolChanged(
    @Args('name', { type: () => String, description: 'The name of the pool.' }) name: string,
  ): AsyncIterableIterator<PoolView> {
    return mapStream(this.pools.follow(name), (pool) => pool);
  }

  @ResolveField(() => Int, { description: 'Runs that are ready and wait for an executor of it.' })
  async waiting(@Parent() pool: PoolView): Promise<number> {
    return (await this.pools.queueOf(pool)).waiting;
  }

  @ResolveField(() => DurationScalar, {
    nullable: true,
    description: 'How long the one has waited that waits longest; null when none does.',
  })
  async oldestWaiting(@Parent() pool: PoolView): Promise<number | null> {
    const { oldest } = await this.pools.queueOf(pool);
    return oldest === null ? null : Math.max(0, Date.now() - oldest);
  }

  @ResolveField(() => ExecutorConnection, { name: 'executors', description: 'Its executors.' })
  async members(@Parent() pool: Pool, @Args() page: PageArgs): Promise<ConnectionOf<ExecutorView>> {
    return await this.executors.page(page, { pools: [pool.name] });
  }
}
