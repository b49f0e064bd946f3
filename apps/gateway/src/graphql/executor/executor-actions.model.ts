import { Field, ID, InputType, ObjectType } from '@nestjs/graphql';
import { DurationScalar } from '../schema/scalars.js';
import { UserError } from '../schema/user-error.js';
import { Executor } from './executor.model.js';
import type { ExecutorView } from './executor.view.js';

@InputType({ description: 'Which executor, and why.' })
export class ExecutorActionInput {
  @Field(() => ID, { description: 'Its id.' })
  readonly id!: string;

  @Field(() => String, { nullable: true, description: 'Why: shown with the executor.' })
  readonly reason?: string | null;

  @Field(() => DurationScalar, {
    nullable: true,
    description:
      'Of a drain: how long what runs may go on. Then it is stopped, and runs elsewhere. Without ' +
      'it everything may end.',
  })
  readonly deadline?: string | null;
}

@ObjectType({ description: 'What became of it.' })
export class ExecutorPayload {
  @Field(() => Executor, { nullable: true, description: 'The executor as it is now.' })
  readonly executor!: ExecutorView | null;

  @Field(() => Boolean, { description: 'Whether the request changed anything.' })
  readonly changed!: boolean;

  @Field(() => Boolean, { description: 'The request is safe and not yet applied.' })
  readonly pending!: boolean;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}
