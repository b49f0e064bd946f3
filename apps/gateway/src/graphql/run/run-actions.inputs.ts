import { Field, ID, InputType, Int } from '@nestjs/graphql';
import type { RunState } from '#core';
import { type PauseKind, PauseKindEnum, RunStateEnum } from '../schema/enums.js';
import { DateTimeScalar, DurationScalar, JsonScalar } from '../schema/scalars.js';

const KEY = 'The same key and input again answer with the same outcome, for 24 hours.';
const REASON = 'Why, for those who look later.';

@InputType({ description: 'A run that is to wait.' })
export class PauseRunInput {
  @Field(() => ID, { description: 'The run.' })
  readonly id!: string;

  @Field(() => PauseKindEnum, {
    nullable: true,
    defaultValue: 'HOLD',
    description: 'How it waits.',
  })
  readonly how?: PauseKind | null;

  @Field(() => String, { nullable: true, description: REASON })
  readonly reason?: string | null;

  @Field(() => String, { nullable: true, description: KEY })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'What a run is to be, before it starts. What is left out stays.' })
export class UpdateRunInput {
  @Field(() => ID, { description: 'The run.' })
  readonly id!: string;

  @Field(() => JsonScalar, { nullable: true, description: 'All of its params anew.' })
  readonly params?: unknown;

  @Field(() => JsonScalar, { nullable: true, description: 'All of its labels anew.' })
  readonly labels?: unknown;

  @Field(() => Int, { nullable: true, description: '1 (first) to 10.' })
  readonly priority?: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Not before this time.' })
  readonly at?: number | null;

  @Field(() => DurationScalar, { nullable: true, description: 'Not before so long from now.' })
  readonly after?: string | null;

  @Field(() => String, { nullable: true, description: REASON })
  readonly reason?: string | null;

  @Field(() => String, { nullable: true, description: KEY })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'A run whose end is set by hand.' })
export class MarkRunInput {
  @Field(() => ID, { description: 'The run.' })
  readonly id!: string;

  @Field(() => RunStateEnum, { description: 'SUCCEEDED or SKIPPED.' })
  readonly as!: RunState;

  @Field(() => JsonScalar, { nullable: true, description: 'Its result, when it SUCCEEDED.' })
  readonly result?: unknown;

  @Field(() => String, { description: REASON })
  readonly reason!: string;

  @Field(() => String, { nullable: true, description: KEY })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'A final run that is to run again. What is left out is as it was.' })
export class RetryRunInput {
  @Field(() => ID, { description: 'The run.' })
  readonly id!: string;

  @Field(() => JsonScalar, { nullable: true, description: 'All of its params anew.' })
  readonly params?: unknown;

  @Field(() => Int, { nullable: true, description: '1 (first) to 10.' })
  readonly priority?: number | null;

  @Field(() => String, { nullable: true, description: 'The pool that is to run it.' })
  readonly pool?: string | null;

  @Field(() => DurationScalar, { nullable: true, description: 'How long an attempt may run.' })
  readonly timeout?: string | null;

  @Field(() => String, { nullable: true, description: REASON })
  readonly reason?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The same key and input again answer with the same run, for 24 hours.',
  })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'A run to be made like another one. What is left out is as there.' })
export class CloneRunInput {
  @Field(() => ID, { description: 'The run that it is made like; in any state.' })
  readonly id!: string;

  @Field(() => JsonScalar, { nullable: true, description: 'All of its params anew.' })
  readonly params?: unknown;

  @Field(() => JsonScalar, { nullable: true, description: 'All of its labels anew.' })
  readonly labels?: unknown;

  @Field(() => Int, { nullable: true, description: '1 (first) to 10.' })
  readonly priority?: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Not before this time.' })
  readonly at?: number | null;

  @Field(() => DurationScalar, { nullable: true, description: 'Not before so long from now.' })
  readonly after?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The same key and input again answer with the same run, for 24 hours.',
  })
  readonly idempotencyKey?: string | null;
}
