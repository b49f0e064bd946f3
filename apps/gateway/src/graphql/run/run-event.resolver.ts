import { Context, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import type { GraphqlContext } from '../driver/context.js';
import { RunEvent } from './run-event.model.js';
import { Run } from './run.model.js';
import { toRun } from './run.view.js';

@Resolver(() => RunEvent)
export class RunEventResolver {
  @ResolveField(() => Run, { description: 'The run, as it is when the event is read.' })
  async run(@Parent() event: RunEvent, @Context() context: GraphqlContext): Promise<Run> {
    const row = await context.runs.load(event.runId);
    if (row === undefined) throw new Error(`an event names run ${event.runId}, which is not there`);
    return toRun(row);
  }
}
