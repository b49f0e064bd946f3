import { Inject } from '@nestjs/common';
import { Args, Context, ID, Int, Resolver, Subscription } from '@nestjs/graphql';
import type { GraphQLResolveInfo } from 'graphql';
import type { Installation } from '#postgres';
import { isUuid } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import { LIVE_LOGS, type LiveLogs } from '../../live/live-logs.js';
import {
  type EventFrame,
  LIVE_RUNS,
  type LiveRuns,
  type RowFilter,
  type RunEventFilter,
} from '../../live/live-runs.js';
import type { GraphqlContext } from '../driver/context.js';
import { notFound, problem } from '../driver/errors.js';
import { Requires } from '../driver/roles.js';
import { CursorScalar } from '../schema/scalars.js';
import { INSTALLATION } from '../../tokens.js';
import { LogCursors } from './log.view.js';
import { RunEventFrame } from './run-event.model.js';
import { viewOfEvents } from './run-event.view.js';
import { RunFilter } from './run.inputs.js';
import { LogChunk, Run } from './run.model.js';
import { toRun } from './run.view.js';
import { RunsService, readLabelFilter } from './runs.service.js';
import { mapStream } from './streams.js';

const itself = (value: unknown): unknown => value;
/** What an event says of itself, and what of its run's row never changes or says how it changed. */
const FILTERED: ReadonlySet<string> = new Set([
  ...['ids', 'jobs', 'states', 'executors'],
  ...['labels', 'kinds', 'submittedAfter', 'submittedBefore'],
]);
const VALUES_MAX = 1_000;

/** Here and not where frames come from: equal subscriptions share what is made of a frame. */
function shown(
  frame: EventFrame,
  _args: unknown,
  context: GraphqlContext,
  info: GraphQLResolveInfo,
): RunEventFrame {
  const view = viewOfEvents(context, info);
  return { cursor: frame.cursor, events: frame.events.map(view) };
}

@Resolver(() => Run)
export class RunStreamsResolver {
  private readonly places: LogCursors;

  constructor(
    @Inject(LIVE_RUNS) private readonly live: LiveRuns,
    @Inject(LIVE_LOGS) private readonly logs: LiveLogs,
    @Inject(INSTALLATION) installation: Installation,
    private readonly runs: RunsService,
    private readonly projects: ProjectsService,
  ) {
    this.places = new LogCursors(installation.life);
  }

  @Subscription(() => RunEventFrame, {
    resolve: shown,
    description:
      'Everything that happens to the runs of a project, in order within a partition, from a ' +
      'cursor on. Without `after` the first frame is empty: subscribe, then read, then follow.',
  })
  @Requires('VIEWER')
  async runEvents(
    @Args('project', { type: () => String, description: 'The name of the project.' }) name: string,
    @Args('filter', {
      type: () => RunFilter,
      nullable: true,
      description:
        'Only of these `ids`, `jobs`, `executors`, or entering these `states`; and of runs that, ' +
        'as they are when the event is read, have these `labels`, `kinds` and time of submission.',
    })
    filter: RunFilter | null,
    @Args('after', { type: () => CursorScalar, nullable: true, description: 'From here on.' })
    after: string | null,
    @Context() context: GraphqlContext,
  ): Promise<AsyncIterableIterator<EventFrame>> {
    const project = await this.projects.named(context.viewer, name);
    if (project === undefined) throw notFound(`Project ${JSON.stringify(name)}`);
    refuseOthers(filter ?? {});
    const source = this.live.events({
      projects: [project.id],
      filter: await this.eventFilter(project.id, filter ?? {}),
      row: rowFilter(filter ?? {}),
      after: after ?? undefined,
      partition: await partitionOf(filter?.ids ?? [], context),
    });
    return mapStream(source, (frame) => frame);
  }

  @Subscription(() => Run, {
    resolve: itself,
    description: 'One run as it is now, then after every change; a slow reader gets the newest.',
  })
  @Requires('VIEWER')
  async runChanged(
    @Args('id', { type: () => ID, description: 'The run.' }) id: string,
    @Context() context: GraphqlContext,
  ): Promise<AsyncIterableIterator<Run>> {
    const row = await context.runs.load(id);
    if (row === undefined) throw notFound('This run');
    const source = this.live.changed({ id: row.id, partition: row.partition });
    return mapStream(source, async () => toRun((await context.runs.load(id)) ?? row));
  }

  @Subscription(() => LogChunk, {
    resolve: itself,
    description:
      'What a run has written, in the order in which it arrived, then what it writes. Ends by ' +
      'itself when the run is final and all is told; goes on after the `cursor` of any piece.',
  })
  @Requires('VIEWER')
  async runLog(
    @Args('run', { type: () => ID, description: 'The run.' }) id: string,
    @Args('attempt', { type: () => Int, nullable: true, description: 'Only of this attempt.' })
    attempt: number | null,
    @Args('after', { type: () => CursorScalar, nullable: true, description: 'From here on.' })
    after: string | null,
    @Context() context: GraphqlContext,
  ): Promise<AsyncIterableIterator<LogChunk>> {
    const row = await context.runs.load(id);
    if (row === undefined) throw notFound('This run');
    const source = this.logs.follow({
      project: row.project,
      run: row.id,
      attempt: attempt ?? null,
      after: this.places.decode(row.id, after),
      finishedAt: row.finishedAt,
    });
    return mapStream(source, (piece) => this.places.chunk(row.id, piece));
  }

  private async eventFilter(project: string, filter: RunFilter): Promise<RunEventFilter> {
    const { ids, jobs, states, executors } = filter;
    return {
      runs: ids && new Set(ids.filter(isUuid)),
      jobs: jobs && new Set(await this.runs.jobIds(project, jobs)),
      states: states && new Set(states),
      executors: executors && new Set(executors),
    } as RunEventFilter;
  }
}

function refuseOthers(filter: RunFilter): void {
  for (const [name, value] of Object.entries(filter)) {
    const path = ['filter', name];
    if (value !== null && value !== undefined && !FILTERED.has(name)) {
      const message = `runEvents cannot filter by ${name}; it can by ${[...FILTERED].join(', ')}.`;
      throw problem('BAD_USER_INPUT', message, { path });
    }
    if (Array.isArray(value) && value.length > VALUES_MAX) {
      const message = `filter.${name} has more than ${VALUES_MAX} values.`;
      throw problem('BAD_USER_INPUT', message, { path });
    }
  }
}

function rowFilter(filter: RunFilter): RowFilter {
  const { kinds, submittedAfter, submittedBefore } = filter;
  const labels = readLabelFilter(filter.labels);
  return {
    kinds: kinds ? new Set(kinds) : undefined,
    labels: labels && new Map(Object.entries(labels)),
    submittedAfter: submittedAfter ?? undefined,
    submittedBefore: submittedBefore ?? undefined,
  };
}

/** Of all these runs, if they share one: then one partition is followed instead of all. */
async function partitionOf(
  ids: readonly string[],
  context: GraphqlContext,
): Promise<number | undefined> {
  const rows = await Promise.all(ids.filter(isUuid).map((id) => context.runs.load(id)));
  const partitions = new Set(rows.map((row) => row?.partition));
  const [only] = partitions;
  return partitions.size === 1 ? only : undefined;
}
