import { Field, Int, ObjectType } from '@nestjs/graphql';
import { UserError } from '../schema/user-error.js';
import { Run } from './run.model.js';

@ObjectType({ description: 'What became of a submission.' })
export class SubmitRunPayload {
  @Field(() => Run, { nullable: true, description: 'The run; null when it was refused.' })
  readonly run!: Run | null;

  @Field(() => Boolean, { description: 'An earlier request with this key made the run.' })
  readonly replayed!: boolean;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What became of many submissions.' })
export class SubmitRunsPayload {
  @Field(() => [SubmitRunPayload], { description: 'One for each item, in their order.' })
  readonly results!: readonly SubmitRunPayload[];

  @Field(() => Int, { description: 'How many of the items have a run now.' })
  readonly accepted!: number;

  @Field(() => [UserError], { description: 'What is wrong with the request as a whole.' })
  readonly userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What became of a request to change a run.' })
export class RunPayload {
  @Field(() => Boolean, {
    description:
      'false: the run was so already, an earlier request with this key has made it, it was ' +
      'refused, or it is pending and nobody knows yet.',
  })
  readonly changed!: boolean;

  @Field(() => Run, { nullable: true, description: 'The run as it is now.' })
  readonly run!: Run | null;

  @Field(() => Boolean, { description: 'The request is safe and not yet applied.' })
  readonly pending!: boolean;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}
