import { Context, Info, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { type GraphQLResolveInfo, Kind } from 'graphql';
import type { GraphqlContext } from '../driver/context.js';
import { RunEvent } from './run-event.model.js';
import { Run } from './run.model.js';
import { toRun } from './run.view.js';

@Resolver(() => RunEvent)
export class RunEventResolver {
  @ResolveField(() => Run, { description: 'The run, as it is when the event is read.' })
  async run(
    @Parent() event: RunEvent,
    @Context() context: GraphqlContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Run | Pick<Run, 'id'>> {
    // The event itself names its run: a stream that asks for no more costs no query.
    if (asksForIdOnly(info)) return { id: event.runId };
    const row = await context.runs.load(event.runId);
    if (row === undefined) throw new Error(`an event names run ${event.runId}, which is not there`);
    return toRun(row);
  }
}

function asksForIdOnly(info: GraphQLResolveInfo): boolean {
  return info.fieldNodes.every((node) =>
    (node.selectionSet?.selections ?? []).every(
      (selection) =>
        selection.kind === Kind.FIELD &&
        (selection.name.value === 'id' || selection.name.value === '__typename'),
    ),
  );
}
