import { Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import type { JobKind, Outcome, RunState } from '#core';
import type { RunRow } from '#postgres';
import {
  JobKindEnum,
  LogStreamEnum,
  OutcomeEnum,
  type PauseKind,
  PauseKindEnum,
  RunStateEnum,
  WaitingKindEnum,
  type LogStream,
  type WaitingKind,
} from '../schema/enums.js';
import { connectionType } from '../schema/page.js';
import { CursorScalar, DateTimeScalar, DurationScalar, JsonScalar } from '../schema/scalars.js';

@ObjectType({ description: 'Why something failed.' })
export class RunError {
  @Field(() => String, { description: 'The kind of error, for rules and programs.' })
  readonly class!: string;

  @Field(() => String, { description: 'What went wrong, for people.' })
  readonly message!: string;

  @Field(() => String, { nullable: true, description: 'A code of the failing program.' })
  readonly code!: string | null;

  @Field(() => String, { nullable: true, description: "The failing program's own stack." })
  readonly stack!: string | null;
}

@ObjectType({ description: 'That nobody is going to look at a dead letter any more.' })
export class Discarded {
  @Field(() => DateTimeScalar, { description: 'Since when.' })
  readonly at!: number;

  @Field(() => String, { description: 'Who said so.' })
  readonly by!: string;

  @Field(() => String, { description: 'Why, in their words.' })
  readonly reason!: string;
}

@ObjectType({ description: 'That a run is to wait until somebody resumes it.' })
export class Paused {
  @Field(() => PauseKindEnum, {
    description: 'HOLD: it does not start. FREEZE: it is RUNNING, and stopped where it was.',
  })
  readonly how!: PauseKind;

  @Field(() => String, { description: 'Who has paused it.' })
  readonly by!: string;

  @Field(() => String, { description: 'Why, in their words.' })
  readonly reason!: string;

  @Field(() => DateTimeScalar, { description: 'Since when.' })
  readonly at!: number;

  @Field(() => Boolean, { description: 'Not the run was paused but its job: `resumeJob`.' })
  readonly byJob!: boolean;
}

@ObjectType({ description: 'How far something is, in its own words.' })
export class Progress {
  @Field(() => Float, { nullable: true, description: 'From 0 to 100.' })
  readonly percent!: number | null;

  @Field(() => String, { description: 'What it is doing.' })
  readonly message!: string;

  @Field(() => DateTimeScalar, { description: 'When it said so.' })
  readonly at!: number;
}

@ObjectType({ description: 'One try of a run on one executor.' })
export class Attempt {
  @Field(() => Int, { description: 'Counted from 1.' })
  readonly number!: number;

  @Field(() => DateTimeScalar, { description: 'When it was given to its executor.' })
  readonly grantedAt!: number;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it started there.' })
  readonly startedAt!: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it ended.' })
  readonly finishedAt!: number | null;

  @Field(() => OutcomeEnum, { nullable: true, description: 'How it ended.' })
  readonly outcome!: Outcome | null;

  @Field(() => Int, { nullable: true, description: 'The exit code of its process.' })
  readonly exitCode!: number | null;

  @Field(() => String, { nullable: true, description: 'The signal that ended its process.' })
  readonly signal!: string | null;

  @Field(() => RunError, { nullable: true, description: 'Why it failed.' })
  readonly error!: RunError | null;

  @Field(() => DurationScalar, { nullable: true, description: 'Processor time it took.' })
  readonly cpuTime!: number | null;

  @Field(() => Float, { nullable: true, description: 'The most memory it had at a time.' })
  readonly memoryPeakBytes!: number | null;

  /** Not a field: the resolver's way to the executor. */
  readonly executorId!: string;
}

@ObjectType({ description: 'One reason why a run is not running.' })
export class Waiting {
  @Field(() => WaitingKindEnum, { description: 'What it waits for.' })
  readonly kind!: WaitingKind;

  @Field(() => String, { description: 'The reason in words.' })
  readonly text!: string;

  @Field(() => String, { nullable: true, description: 'What would help.' })
  readonly hint!: string | null;

  @Field(() => String, { nullable: true, description: 'The name of what it waits for.' })
  readonly name!: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When the wait will be over.' })
  readonly until!: number | null;

  @Field(() => Int, { nullable: true, description: 'How much of the limit is taken, if known.' })
  readonly used!: number | null;

  @Field(() => Int, { nullable: true, description: 'Of what it waits for, how much there is.' })
  readonly limit!: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'How many runs of its project, priority, pool and need are granted before it; counted in ' +
      'the first 1,000 places of the line.',
  })
  readonly place!: number | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Who comes nearest to running it, and what each lacks.',
  })
  readonly nearest!: readonly string[] | null;
}

@ObjectType({ description: 'A piece of what an attempt wrote.' })
export class LogChunk {
  @Field(() => CursorScalar, { description: 'Give it as `after` to go on behind this piece.' })
  readonly cursor!: string;

  @Field(() => Int, { description: 'The attempt that wrote it.' })
  readonly attempt!: number;

  @Field(() => LogStreamEnum, { description: 'Where it was written.' })
  readonly stream!: LogStream;

  @Field(() => String, { description: 'How many bytes of its stream came before it.' })
  readonly offset!: string;

  @Field(() => DateTimeScalar, { description: 'When it arrived.' })
  readonly at!: number;

  @Field(() => String, { description: 'What was written.' })
  readonly text!: string;

  @Field(() => Int, {
    nullable: true,
    description: 'So many bytes of its stream are missing before it; null when none is.',
  })
  readonly gapBytes!: number | null;
}

@ObjectType({ description: 'A page of a log, in the order in which it arrived.' })
export class LogConnection extends connectionType(() => LogChunk, 'Log') {
  @Field(() => String, { description: 'The text of all pieces of the page.' })
  readonly text!: string;
}

@ObjectType({ description: 'One piece of work: from its submission to its end.' })
export class Run {
  @Field(() => ID, { description: 'Ordered by time of submission.' })
  readonly id!: string;

  @Field(() => Int, { nullable: true, description: 'The version of the job that it runs.' })
  readonly jobVersion!: number | null;

  @Field(() => JobKindEnum, { description: 'What runs it.' })
  readonly kind!: JobKind;

  @Field(() => RunStateEnum, { description: 'Where it is in its life.' })
  readonly state!: RunState;

  @Field(() => OutcomeEnum, { nullable: true, description: 'How its last attempt ended.' })
  readonly outcome!: Outcome | null;

  @Field(() => String, { nullable: true, description: 'Why it is in this state, in words.' })
  readonly reason!: string | null;

  @Field(() => RunError, { nullable: true, description: 'Why it failed.' })
  readonly error!: RunError | null;

  @Field(() => JsonScalar, { description: 'Its labels: an object of texts.' })
  readonly labels!: unknown;

  @Field(() => Int, { description: 'From 1, the most urgent, to 10.' })
  readonly priority!: number;

  @Field(() => DateTimeScalar, { description: 'When it was accepted.' })
  readonly submittedAt!: number;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Not before this time.' })
  readonly scheduledFor!: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it could be granted.' })
  readonly readyAt!: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When its newest attempt started.' })
  readonly startedAt!: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it became final.' })
  readonly finishedAt!: number | null;

  @Field(() => DurationScalar, { nullable: true, description: 'From ready to started.' })
  readonly queueTime!: number | null;

  @Field(() => DurationScalar, { nullable: true, description: 'From started to final.' })
  readonly runTime!: number | null;

  @Field(() => Progress, { nullable: true, description: 'How far it is.' })
  readonly progress!: Progress | null;

  /** Not a field: what the resolvers read on from. */
  readonly row!: RunRow;
}

export const RunConnection = connectionType(() => Run, 'Run');
