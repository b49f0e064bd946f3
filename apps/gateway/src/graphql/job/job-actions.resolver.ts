import { Args, Context, Mutation, Resolver } from '@nestjs/graphql';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import { JobActionsService } from './job-actions.service.js';
import { Job, JobActionInput, JobPayload, RollbackJobInput } from './job.model.js';

@Resolver(() => Job)
export class JobActionsResolver {
  constructor(private readonly actions: JobActionsService) {}

  @Mutation(() => JobPayload, {
    description:
      'Makes a new version equal to an earlier one. Runs stay with the version they started on.',
  })
  @Requires('EDITOR')
  async rollbackJob(
    @Args('input', { type: () => RollbackJobInput, description: 'Which job, and to what.' })
    input: RollbackJobInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<JobPayload> {
    return await this.actions.rollback(viewer, input);
  }

  @Mutation(() => JobPayload, {
    description:
      'Keeps the runs of a job from starting: what waits is held and what runs goes on. ' +
      'Submissions are taken, and held.',
  })
  @Requires('OPERATOR')
  async pauseJob(
    @Args('input', { type: () => JobActionInput, description: 'Which job, and why.' })
    input: JobActionInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<JobPayload> {
    return await this.actions.hold(viewer, input, true);
  }

  @Mutation(() => JobPayload, {
    description: 'Lets the runs of a paused job start again, in the order they would have had.',
  })
  @Requires('OPERATOR')
  async resumeJob(
    @Args('input', { type: () => JobActionInput, description: 'Which job, and why.' })
    input: JobActionInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<JobPayload> {
    return await this.actions.hold(viewer, input, false);
  }

  @Mutation(() => JobPayload, {
    description:
      'Deletes a job: nothing new is submitted to it, its runs go on. Applied again under its ' +
      'name it comes back, with its versions and a new one.',
  })
  @Requires('EDITOR')
  async deleteJob(
    @Args('input', { type: () => JobActionInput, description: 'Which job, and why.' })
    input: JobActionInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<JobPayload> {
    return await this.actions.delete(viewer, input);
  }
}
