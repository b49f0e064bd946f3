import { Args, Context, Mutation, Resolver } from '@nestjs/graphql';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import { ExecutorActionInput, ExecutorPayload } from './executor-actions.model.js';
import { ExecutorActionsService } from './executor-actions.service.js';
import { Executor } from './executor.model.js';

const WHICH = { type: () => ExecutorActionInput, description: 'Which executor, and why.' } as const;

/** An executor serves every project: who closes it must be an ADMIN. */
@Resolver(() => Executor)
export class ExecutorActionsResolver {
  constructor(private readonly actions: ExecutorActionsService) {}

  @Mutation(() => ExecutorPayload, {
    description:
      'Gives an executor nothing new. What it has not started runs elsewhere; what runs may end, ' +
      'or is stopped after the deadline and runs elsewhere.',
  })
  @Requires('ADMIN')
  async drainExecutor(
    @Args('input', WHICH) input: ExecutorActionInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ExecutorPayload> {
    return await this.actions.close(viewer, input, 'DRAINING');
  }

  @Mutation(() => ExecutorPayload, {
    description: 'Gives an executor nothing new. What it has stays with it.',
  })
  @Requires('ADMIN')
  async cordonExecutor(
    @Args('input', WHICH) input: ExecutorActionInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ExecutorPayload> {
    return await this.actions.close(viewer, input, 'CORDONED');
  }

  @Mutation(() => ExecutorPayload, {
    description: 'Gives an executor work again that was drained or cordoned.',
  })
  @Requires('ADMIN')
  async activateExecutor(
    @Args('input', WHICH) input: ExecutorActionInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ExecutorPayload> {
    return await this.actions.close(viewer, input, null);
  }
}
