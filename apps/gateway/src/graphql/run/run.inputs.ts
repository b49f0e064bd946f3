import { Field, ID, InputType, Int } from '@nestjs/graphql';
import type { JobKind, Outcome, RunState } from '#core';
import {
  type Atomic,
  AtomicEnum,
  JobKindEnum,
  OutcomeEnum,
  RunStateEnum,
} from '../schema/enums.js';
import { DateTimeScalar, DurationScalar, JsonScalar } from '../schema/scalars.js';

@InputType({
  description: 'Which runs are meant. Values of one field: any of them; several fields: all.',
})
export class RunFilter {
  @Field(() => [ID], { nullable: true, description: 'These runs.' })
  readonly ids?: readonly string[] | null;

  @Field(() => [String], {
    nullable: true,
    description: 'Of these jobs, by name; of deleted ones too.',
  })
  readonly jobs?: readonly string[] | null;

  @Field(() => [JobKindEnum], { nullable: true, description: 'Of these kinds.' })
  readonly kinds?: readonly JobKind[] | null;

  @Field(() => [RunStateEnum], { nullable: true, description: 'In these states.' })
  readonly states?: readonly RunState[] | null;

  @Field(() => [OutcomeEnum], { nullable: true, description: 'Final, with these outcomes.' })
  readonly outcomes?: readonly Outcome[] | null;

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'With all of these labels: an object of texts.',
  })
  readonly labels?: unknown;

  @Field(() => [ID], { nullable: true, description: 'Last granted to these executors.' })
  readonly executors?: readonly string[] | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Submitted after this time.' })
  readonly submittedAfter?: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Submitted before this time.' })
  readonly submittedBefore?: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Final since after this time.' })
  readonly finishedAfter?: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Final before this time.' })
  readonly finishedBefore?: number | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'PAUSED, or frozen while RUNNING; false: all but those.',
  })
  readonly paused?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Dead letters that were discarded; false: all but those, and, unless `retried` says ' +
      'otherwise, but what was retried: of state DEAD what somebody has to look at.',
  })
  readonly discarded?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Final runs of which a retry was made (`retriedAs`); false: all but those.',
  })
  readonly retried?: boolean | null;
}

@InputType({ description: 'A run to be made: of a job, or of a specification given in place.' })
export class SubmitRunInput {
  @Field(() => String, { description: 'The name of its project.' })
  readonly project!: string;

  @Field(() => String, { nullable: true, description: 'The name of the job; or give `spec`.' })
  readonly job?: string | null;

  @Field(() => Int, { nullable: true, description: 'A version of the job; else the newest.' })
  readonly jobVersion?: number | null;

  @Field(() => JsonScalar, { nullable: true, description: 'A specification; or give `job`.' })
  readonly spec?: unknown;

  @Field(() => JsonScalar, { nullable: true, description: 'What the job works on.' })
  readonly params?: unknown;

  @Field(() => JsonScalar, { nullable: true, description: 'Labels to find it by: texts.' })
  readonly labels?: unknown;

  @Field(() => Int, { nullable: true, description: "1 (first) to 10; else the job's own." })
  readonly priority?: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Not before this time.' })
  readonly at?: number | null;

  @Field(() => DurationScalar, { nullable: true, description: 'Not before so long from now.' })
  readonly after?: string | null;

  @Field(() => DurationScalar, {
    nullable: true,
    description: 'If it has not started so long after it could have, it expires.',
  })
  readonly startDeadline?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The same key and input again answer with the same run, for 24 hours.',
  })
  readonly idempotencyKey?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Only one run of the job holds it at a time: while one does, the answer is that run. In ' +
      'place of the key that the job makes of the params.',
  })
  readonly dedupKey?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Run it, also if the result of an equal run stands for it (`cache`).',
  })
  readonly fresh!: boolean;
}

@InputType({ description: 'Up to 5,000 runs of one project.' })
export class SubmitRunsInput {
  @Field(() => String, { description: 'The name of the project of all of them.' })
  readonly project!: string;

  @Field(() => [SubmitRunInput], { description: 'The runs.' })
  readonly items!: readonly SubmitRunInput[];

  @Field(() => AtomicEnum, {
    defaultValue: 'EACH',
    description: 'Whether a bad item keeps the others from being written.',
  })
  readonly atomic!: Atomic;
}

@InputType({ description: 'Something to be done to a run.' })
export class RunActionInput {
  @Field(() => ID, { description: 'The run.' })
  readonly id!: string;

  @Field(() => String, { nullable: true, description: 'Why, for those who look later.' })
  readonly reason?: string | null;

  @Field(() => DurationScalar, {
    nullable: true,
    description: 'How long it may take to end by itself before it is killed.',
  })
  readonly grace?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Do not wait for an executor that is away.',
  })
  readonly force!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'The same key and input again answer with the same outcome, for 24 hours.',
  })
  readonly idempotencyKey?: string | null;
}
