import { Inject } from '@nestjs/common';
import {
  Args,
  Context,
  Extensions,
  Info,
  Int,
  Parent,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import type { GraphQLResolveInfo } from 'graphql';
import { CursorCodec } from '#feed';
import {
  type Installation,
  type JobRow,
  type LogRow,
  type Reader,
  type RunRow,
  readLogs,
  readRunEvents,
} from '#postgres';
import { parseJson } from '#protocol';
import { FEED_READER } from '../../auth/readers.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import type { GraphqlContext } from '../driver/context.js';
import { Executor } from '../executor/executor.model.js';
import type { ExecutorView } from '../executor/executor.view.js';
import { ExecutorsService } from '../executor/executors.service.js';
import { Job } from '../job/job.model.js';
import { Project } from '../project/project.model.js';
import {
  type ConnectionOf,
  PageArgs,
  decodeCursor,
  encodeCursor,
  pageOf,
  pageSize,
} from '../schema/page.js';
import { CursorScalar, DateTimeScalar, JsonScalar } from '../schema/scalars.js';
import { INSTALLATION } from '../../tokens.js';
import { RunEvent, RunEventConnection } from './run-event.model.js';
import { viewOfEvents } from './run-event.view.js';
import { LogCursors } from './log.view.js';
import {
  Attempt,
  Discarded,
  type LogChunk,
  LogConnection,
  Paused,
  Run,
  Waiting,
} from './run.model.js';
import { attemptsOf, pausedOf, recordOf, toRun } from './run.view.js';
import { WaitingReader } from './waiting.reader.js';

const EVENT_CURSOR = 'event';
const isNumber = (value: unknown): value is number => Number.isSafeInteger(value);

/** What of a run costs another read, and is read only when it is asked for. */
@Resolver(() => Run)
export class RunDetailsResolver {
  private readonly cursors: CursorCodec;
  private readonly places: LogCursors;
  private readonly waiting: WaitingReader;

  constructor(
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    @Inject(FEED_READER) private readonly journal: Reader,
    executors: ExecutorsService,
    @Inject(INSTALLATION) installation: Installation,
  ) {
    this.cursors = new CursorCodec(installation.life);
    this.places = new LogCursors(installation.life);
    this.waiting = new WaitingReader(reader, executors);
  }

  @ResolveField(() => CursorScalar, {
    description:
      'Where this state stands: `runEvents` with `filter: {ids: [this run]}` goes on from here.',
  })
  cursor(@Parent() { row }: Run): string {
    const seq = recordOf(row).seqs.at(-1) ?? 0;
    return this.cursors.encode({ kind: 'one', partition: row.partition, seq });
  }

  @ResolveField(() => Project, { description: 'The project it belongs to.' })
  async project(@Parent() run: Run, @Context() context: GraphqlContext): Promise<Project> {
    const project = await context.project(run.row.project);
    if (project === undefined) throw new Error(`run ${run.id} has no project`);
    return project;
  }

  @ResolveField(() => Job, { nullable: true, description: 'Its job; null for one in place.' })
  async job(@Parent() run: Run, @Context() context: GraphqlContext): Promise<JobRow | undefined> {
    return run.row.job === null ? undefined : await context.jobs.load(run.row.job);
  }

  @ResolveField(() => Discarded, {
    nullable: true,
    description: 'Of a dead letter: who has discarded it, and why.',
  })
  discarded(@Parent() run: Run): RunRow['discarded'] {
    return run.row.discarded;
  }

  @ResolveField(() => Paused, {
    nullable: true,
    description: 'Of one that waits to be resumed, also in place (state RUNNING): by whom and why.',
  })
  paused(@Parent() run: Run): Paused | null {
    return pausedOf(run.row);
  }

  @ResolveField(() => JsonScalar, { nullable: true, description: 'What it works on.' })
  async params(@Parent() run: Run, @Context() context: GraphqlContext): Promise<unknown> {
    return parsed((await context.bodies.load(run.id))?.params);
  }

  @ResolveField(() => JsonScalar, { nullable: true, description: 'What it gave back.' })
  async result(@Parent() run: Run, @Context() context: GraphqlContext): Promise<unknown> {
    return parsed((await context.bodies.load(run.id))?.result);
  }

  @ResolveField(() => [Attempt], { description: 'Its tries, the first one first.' })
  @Extensions({ listSize: 3 })
  attempts(@Parent() run: Run): readonly Attempt[] {
    return attemptsOf(run.row);
  }

  @ResolveField(() => Executor, { nullable: true, description: 'Where it was last granted.' })
  async executor(
    @Parent() run: Run,
    @Context() context: GraphqlContext,
  ): Promise<ExecutorView | undefined> {
    const { executor } = run.row;
    return executor === null ? undefined : await context.executors.load(executor);
  }

  @ResolveField(() => Run, { nullable: true, description: 'The run that it tries again.' })
  async retryOf(@Parent() run: Run, @Context() context: GraphqlContext): Promise<Run | undefined> {
    const { retryOf } = run.row;
    const row = retryOf === null ? undefined : await context.runs.load(retryOf);
    return row && toRun(row);
  }

  @ResolveField(() => Run, {
    nullable: true,
    description:
      'The newest run that was made to try it again, or by `markRun` to stand for it: it is no ' +
      'dead letter from then on, and that one is, if it dies as well.',
  })
  async retriedAs(
    @Parent() run: Run,
    @Context() context: GraphqlContext,
  ): Promise<Run | undefined> {
    const [newest] = run.row.retries;
    const row = newest === undefined ? undefined : await context.runs.load(newest);
    return row && toRun(row);
  }

  @ResolveField(() => [Run], {
    description: 'Those that were made to try it again, the newest first; the newest 20 of them.',
  })
  @Extensions({ listSize: 2 })
  async retries(@Parent() run: Run, @Context() context: GraphqlContext): Promise<readonly Run[]> {
    const rows = await Promise.all(run.row.retries.map((id) => context.runs.load(id)));
    // One of them may be past its retention.
    return rows.flatMap((row) => (row === undefined ? [] : [toRun(row)]));
  }

  @ResolveField(() => Run, {
    nullable: true,
    description: 'The equal run whose result stands for its own (`cache`); it was not started.',
  })
  async reusedFrom(
    @Parent() run: Run,
    @Context() context: GraphqlContext,
  ): Promise<Run | undefined> {
    const { reusedFrom } = recordOf(run.row);
    const row = reusedFrom === undefined ? undefined : await context.runs.load(reusedFrom);
    return row && toRun(row);
  }

  @ResolveField(() => [Waiting], {
    description: 'Why it is not running, in words, with what would help.',
  })
  async waitingFor(@Parent() run: Run): Promise<readonly Waiting[]> {
    return await this.waiting.reasons(run.row);
  }

  @ResolveField(() => DateTimeScalar, {
    nullable: true,
    description:
      'While it is RUNNING: its start and the median run time of the newest 50 successful runs ' +
      'of its job among the newest 500 ended ones of its project. Null with fewer than 3, and ' +
      'once that time has passed.',
  })
  async expectedFinish(@Parent() run: Run): Promise<number | null> {
    return await this.waiting.expectedFinish(run.row);
  }

  @ResolveField(() => RunEventConnection, { description: 'What happened to it, oldest first.' })
  async events(
    @Parent() run: Run,
    @Args() page: PageArgs,
    @Context() context: GraphqlContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<ConnectionOf<RunEvent>> {
    const { row } = run;
    const size = pageSize(page.first);
    const isPlace = (parts: readonly unknown[]): boolean =>
      parts[0] === run.id && isNumber(parts[1]);
    const [, after] = decodeCursor(EVENT_CURSOR, page.after, isPlace) ?? [];
    const from = isNumber(after) ? after : 0;
    const seqs = recordOf(row).seqs.filter((seq) => seq > from);
    const events = await readRunEvents(this.journal, {
      run: row.id,
      partition: row.partition,
      seqs: seqs.slice(0, size + 1),
      since: row.submittedAt,
    });
    const view = viewOfEvents(context, info);
    return pageOf(events, size, view, ({ seq }) => encodeCursor(EVENT_CURSOR, run.id, seq));
  }

  @ResolveField(() => LogConnection, { description: 'What its attempts wrote.' })
  async log(
    @Parent() run: Run,
    @Args() page: PageArgs,
    @Args('attempt', { type: () => Int, nullable: true, description: 'Only of this attempt.' })
    attempt: number | null,
  ): Promise<LogConnection> {
    const size = pageSize(page.first);
    const { project, id } = run.row;
    const after = this.places.decode(id, page.after);
    const [log] = await readLogs(this.reader, [{ project, run: id, attempt, after }], size + 1);
    const chunk = (row: LogRow): LogChunk => this.places.chunk(id, row);
    const found = pageOf(log?.rows ?? [], size, chunk, ({ seq }) => this.places.encode(id, seq));
    return { ...found, text: found.nodes.map(({ text }) => text).join('') };
  }
}

@Resolver(() => Attempt)
export class AttemptResolver {
  @ResolveField(() => Executor, { nullable: true, description: 'Who was to run it.' })
  async executor(
    @Parent() attempt: Attempt,
    @Context() context: GraphqlContext,
  ): Promise<ExecutorView | undefined> {
    return await context.executors.load(attempt.executorId);
  }
}

const parsed = (text: string | null | undefined): unknown =>
  text === null || text === undefined ? null : parseJson(text);
