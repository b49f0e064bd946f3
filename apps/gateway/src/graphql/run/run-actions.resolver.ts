import { Args, Context, Mutation, Resolver } from '@nestjs/graphql';
import { isFinal } from '#core';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import { CommandsService } from './commands.service.js';
import { RerunService } from './rerun.service.js';
import {
  CloneRunInput,
  MarkRunInput,
  PauseRunInput,
  RetryRunInput,
  UpdateRunInput,
} from './run-actions.inputs.js';
import { RunActionsReader } from './run-actions.reader.js';
import { RunActionInput } from './run.inputs.js';
import { Run } from './run.model.js';
import { RunPayload, SubmitRunPayload } from './run.payloads.js';

/** What a person can do to a run. Each waits up to 5 s to be decided, else says `pending`. */
@Resolver(() => Run)
export class RunActionsResolver {
  constructor(
    private readonly commands: CommandsService,
    private readonly reader: RunActionsReader,
    private readonly reruns: RerunService,
  ) {}

  @Mutation(() => RunPayload, {
    description: 'Stops a run. Waits up to 5 s for it to be decided, else says `pending`.',
  })
  @Requires('OPERATOR')
  async cancelRun(
    @Args('input', { type: () => RunActionInput, description: 'Which run, and why.' })
    input: RunActionInput,
    @Context() context: GraphqlContext,
  ): Promise<RunPayload> {
    return await this.commands.send(context, 'cancelRun', input, (_, errors) =>
      this.reader.cancel(input, errors),
    );
  }

  @Mutation(() => RunPayload, {
    description:
      'Holds a run that has not started until it is resumed, or freezes one that runs (`how`).',
  })
  @Requires('OPERATOR')
  async pauseRun(
    @Args('input', { type: () => PauseRunInput, description: 'Which run, and why.' })
    input: PauseRunInput,
    @Context() context: GraphqlContext,
  ): Promise<RunPayload> {
    return await this.commands.send(context, 'pauseRun', input, (_, errors) =>
      this.reader.pause(input, errors),
    );
  }

  @Mutation(() => RunPayload, {
    description: 'Lets a paused or frozen run go on from where it was.',
  })
  @Requires('OPERATOR')
  async resumeRun(
    @Args('input', { type: () => RunActionInput, description: 'Which run, and why.' })
    input: RunActionInput,
    @Context() context: GraphqlContext,
  ): Promise<RunPayload> {
    return await this.commands.send(context, 'resumeRun', input, () => ({ kind: 'resume' }));
  }

  @Mutation(() => RunPayload, { description: 'Changes a run that has not started.' })
  @Requires('OPERATOR')
  async updateRun(
    @Args('input', { type: () => UpdateRunInput, description: 'Which run, and what of it.' })
    input: UpdateRunInput,
    @Context() context: GraphqlContext,
  ): Promise<RunPayload> {
    return await this.commands.send(
      context,
      'updateRun',
      input,
      async (row, errors) => await this.reader.update(context, row, input, errors),
    );
  }

  @Mutation(() => RunPayload, {
    description: 'Ends a run that does not run, by hand: as SUCCEEDED or as SKIPPED.',
  })
  @Requires('OPERATOR')
  async markRun(
    @Args('input', { type: () => MarkRunInput, description: 'Which run, and how it ends.' })
    input: MarkRunInput,
    @Context() context: GraphqlContext,
  ): Promise<RunPayload> {
    const row = await context.runs.load(input.id);
    if (row !== undefined && isFinal(row.state)) {
      return rerun(await this.reruns.mark(context, input));
    }
    return await this.commands.send(context, 'markRun', input, (_, errors) =>
      this.reader.mark(input, errors),
    );
  }

  @Mutation(() => RunPayload, {
    description: 'Makes a new run of one that ended without success, linked by `retryOf`.',
  })
  @Requires('OPERATOR')
  async retryRun(
    @Args('input', { type: () => RetryRunInput, description: 'Which run, and what is new.' })
    input: RetryRunInput,
    @Context() context: GraphqlContext,
  ): Promise<RunPayload> {
    return rerun(await this.reruns.retry(context, input));
  }

  @Mutation(() => SubmitRunPayload, { description: 'Makes a new run like another one.' })
  @Requires('OPERATOR')
  async cloneRun(
    @Args('input', { type: () => CloneRunInput, description: 'Which run, and what is new.' })
    input: CloneRunInput,
    @Context() context: GraphqlContext,
  ): Promise<SubmitRunPayload> {
    return await this.reruns.clone(context, input);
  }
}

const rerun = ({ run, replayed, userErrors }: SubmitRunPayload): RunPayload => {
  return { run, changed: run !== null && !replayed, pending: false, userErrors };
};
