import { Field, InputType, Int, ObjectType } from '@nestjs/graphql';
import { type BulkAction, BulkActionEnum } from '../schema/enums.js';
import { UserError } from '../schema/user-error.js';
import { RunFilter } from './run.inputs.js';

@InputType({ description: 'The same to be done to many runs.' })
export class BulkRunsInput {
  @Field(() => String, { description: 'The name of their project.' })
  readonly project!: string;

  @Field(() => RunFilter, {
    description: 'Which of them; of these, those whose state allows the action.',
  })
  readonly filter!: RunFilter;

  @Field(() => BulkActionEnum, { description: 'What is to be done.' })
  readonly action!: BulkAction;

  @Field(() => Boolean, { defaultValue: false, description: 'Only count them.' })
  readonly dryRun!: boolean;

  @Field(() => String, { nullable: true, description: 'Why, for those who look later.' })
  readonly reason?: string | null;

  @Field(() => Int, { nullable: true, description: 'For REPRIORITIZE: 1 (first) to 10.' })
  readonly priority?: number | null;

  @Field(() => Int, { nullable: true, description: 'No more than so many a second.' })
  readonly perSecond?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'A repeat with the same key and input goes on where the first one ended.',
  })
  readonly idempotencyKey?: string | null;
}

@ObjectType({ description: 'What became of an action on many runs.' })
export class BulkRunsPayload {
  @Field(() => Int, { description: 'How many runs it is for.' })
  readonly matched!: number;

  @Field(() => Int, { description: 'For how many of them it is stored, and will be applied.' })
  readonly applied!: number;

  @Field(() => Boolean, { description: 'It goes on in the background.' })
  readonly pending!: boolean;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}
