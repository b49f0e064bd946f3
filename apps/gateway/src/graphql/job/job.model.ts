import { Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import type { ValueOrigin } from '../../specification/defaults.js';
import { ValueOriginEnum } from '../schema/enums.js';
import { connectionType } from '../schema/page.js';
import { DateTimeScalar, JsonScalar } from '../schema/scalars.js';
import { UserError } from '../schema/user-error.js';

@ObjectType({ description: 'Something that can be run, by name; each change makes a version.' })
export class Job {
  @Field(() => ID, { description: 'Its id.' })
  readonly id!: string;

  @Field(() => String, { description: 'Unique in its project.' })
  readonly name!: string;

  @Field(() => Int, { description: 'The newest version, which a submission takes.' })
  readonly version!: number;

  @Field(() => Boolean, { description: 'Whether its runs are kept from starting.' })
  readonly paused!: boolean;

  @Field(() => String, { nullable: true, description: 'Who has paused it.' })
  readonly pausedBy!: string | null;

  @Field(() => String, { nullable: true, description: 'Why it was paused, in their words.' })
  readonly pausedReason!: string | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was deleted; then only its runs still lead to it.',
  })
  readonly deletedAt!: number | null;
}

@ObjectType({ description: 'A value that runs go by, and who has decided it.' })
export class EffectiveValue {
  @Field(() => String, { description: 'Where it stands in a specification: `retry.delay`.' })
  readonly name!: string;

  @Field(() => JsonScalar, { nullable: true, description: 'The value; null: there is none.' })
  readonly value!: unknown;

  @Field(() => ValueOriginEnum, { description: 'Who has decided it.' })
  readonly from!: ValueOrigin;
}

@ObjectType({ description: 'A job as it was after one change. It never changes.' })
export class JobVersion {
  @Field(() => Int, { description: 'Counted from 1.' })
  readonly version!: number;

  @Field(() => JsonScalar, { description: 'Its specification.' })
  readonly spec!: unknown;

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  readonly createdAt!: number;

  @Field(() => String, { description: 'Who made it.' })
  readonly createdBy!: string;
}

@InputType({ description: 'Which jobs are meant.' })
export class JobFilter {
  @Field(() => [String], { nullable: true, description: 'With these names.' })
  readonly names?: readonly string[] | null;
}

@InputType({ description: 'A job as it is to be.' })
export class ApplyJobInput {
  @Field(() => String, { description: 'The name of its project.' })
  readonly project!: string;

  @Field(() => String, {
    description: 'Its name: 1 to 80 letters, digits, dots, dashes and underscores.',
  })
  readonly name!: string;

  @Field(() => JsonScalar, { description: 'Its specification: kind and what belongs to it.' })
  readonly spec!: unknown;

  @Field(() => Int, {
    nullable: true,
    description: 'Only if this is its version now; 0: only if it does not exist.',
  })
  readonly expectedVersion?: number | null;
}

@InputType({ description: 'Which job, and what it is to be again.' })
export class RollbackJobInput {
  @Field(() => String, { description: 'The name of its project.' })
  readonly project!: string;

  @Field(() => String, { description: 'Its name.' })
  readonly name!: string;

  @Field(() => Int, { description: 'The version that the new one is to equal.' })
  readonly toVersion!: number;
}

@InputType({ description: 'Which job.' })
export class JobActionInput {
  @Field(() => String, { description: 'The name of its project.' })
  readonly project!: string;

  @Field(() => String, { description: 'Its name.' })
  readonly name!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Why: of a pause `pausedReason`, else in the log.',
  })
  readonly reason?: string | null;
}

@ObjectType({ description: 'What became of a request about a job.' })
export class JobPayload {
  @Field(() => Job, { nullable: true, description: 'The job as it is now.' })
  readonly job!: Job | null;

  @Field(() => Boolean, { description: 'Whether the request changed anything.' })
  readonly changed!: boolean;

  @Field(() => Boolean, { description: 'The request is safe and not yet applied everywhere.' })
  readonly pending!: boolean;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}

export const JobConnection = connectionType(() => Job, 'Job');
export const JobVersionConnection = connectionType(() => JobVersion, 'JobVersion');
