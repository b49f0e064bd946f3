import { type GraphQLResolveInfo, Kind, type SelectionNode } from 'graphql';
import type { EventType, RunEvent as CoreEvent, RunState } from '#core';
import type { GraphqlContext } from '../driver/context.js';
import type { RunEvent } from './run-event.model.js';
import type { Run } from './run.model.js';
import { toRun } from './run.view.js';

type RunOf = (id: string) => Pick<Run, 'id'> | Promise<Run>;

/**
 * An event as a subscriber sees it. Streams carry four of them a run, so nothing is made before it
 * is asked for, and nothing here is a promise that need not be one.
 */
class RunEventView implements RunEvent {
  constructor(
    private readonly event: CoreEvent,
    private readonly runOf: RunOf,
  ) {}

  get at(): number {
    return this.event.at;
  }
  get type(): EventType {
    return this.event.type;
  }
  get from(): RunState | null {
    return this.event.from;
  }
  get to(): RunState | null {
    return this.event.to;
  }
  get attempt(): number | null {
    return this.event.attempt > 0 ? this.event.attempt : null;
  }
  get actor(): string | null {
    return this.event.actor;
  }
  get data(): unknown {
    return this.event.data;
  }
  get run(): Pick<Run, 'id'> | Promise<Run> {
    return this.runOf(this.event.run);
  }
}

/** How the operation that `info` is of wants its events: settled once, not at each of them. */
export function viewOfEvents(
  context: GraphqlContext,
  info: GraphQLResolveInfo,
): (event: CoreEvent) => RunEvent {
  // The event itself names its run: a stream that asks for no more costs no query.
  const runOf: RunOf = asksForIdsOnly(info)
    ? (id) => ({ id })
    : async (id) => {
        const row = await context.runs.load(id);
        if (row === undefined) throw new Error(`an event names run ${id}, which is not there`);
        return toRun(row);
      };
  return (event) => new RunEventView(event, runOf);
}

/** Whether every `run` below this field is asked for its id alone. */
function asksForIdsOnly(info: GraphQLResolveInfo): boolean {
  const isIdOnly = (node: SelectionNode, isInRun: boolean): boolean => {
    if (node.kind === Kind.FIELD) {
      const { value } = node.name;
      if (isInRun) return value === 'id' || value === '__typename';
      const inner = node.selectionSet?.selections ?? [];
      return inner.every((each) => isIdOnly(each, value === 'run'));
    }
    const fragment = node.kind === Kind.FRAGMENT_SPREAD ? info.fragments[node.name.value] : node;
    const inner = fragment?.selectionSet.selections ?? [];
    return inner.every((each) => isIdOnly(each, isInRun));
  };
  return info.fieldNodes.every((node) => isIdOnly(node, false));
}
