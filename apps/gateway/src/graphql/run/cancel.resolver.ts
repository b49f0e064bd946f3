import { Args, Context, Mutation, Resolver } from '@nestjs/graphql';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import { CancelService } from './cancel.service.js';
import { RunActionInput } from './run.inputs.js';
import { Run } from './run.model.js';
import { RunPayload } from './run.payloads.js';

@Resolver(() => Run)
export class CancelResolver {
  constructor(private readonly cancels: CancelService) {}

  @Mutation(() => RunPayload, {
    description: 'Stops a run. Waits up to 5 s for it to be decided, else says `pending`.',
  })
  @Requires('OPERATOR')
  async cancelRun(
    @Args('input', { type: () => RunActionInput, description: 'Which run, and why.' })
    input: RunActionInput,
    @Context() context: GraphqlContext,
  ): Promise<RunPayload> {
    return await this.cancels.cancel(context, input);
  }
}
