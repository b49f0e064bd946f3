import { Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import type { BulkState } from '#postgres';
import { type BulkAction, BulkActionEnum, BulkStateEnum } from '../schema/enums.js';
import { connectionType } from '../schema/page.js';
import { DateTimeScalar, JsonScalar } from '../schema/scalars.js';
import { UserError } from '../schema/user-error.js';
import { RunFilter } from './run.inputs.js';

@InputType({ description: 'The same to be done to many runs.' })
export class BulkRunsInput {
  @Field(() => String, { description: 'The name of their project.' })
  readonly project!: string;

  @Field(() => RunFilter, {
    description:
      'Which of them; of these, those whose state allows the action. RETRY and DISCARD leave out ' +
      'what was discarded or retried, unless the filter says otherwise.',
  })
  readonly filter!: RunFilter;

  @Field(() => BulkActionEnum, { description: 'What is to be done.' })
  readonly action!: BulkAction;

  @Field(() => Boolean, { nullable: true, defaultValue: false, description: 'Only count them.' })
  readonly dryRun?: boolean | null;

  @Field(() => String, { nullable: true, description: 'Why, for those who look later.' })
  readonly reason?: string | null;

  @Field(() => Int, { nullable: true, description: 'For REPRIORITIZE: 1 (first) to 10.' })
  readonly priority?: number | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'No more than so many a second. Left out: gently, small chunks with rests, which for many ' +
      'runs takes long; a large number is faster.',
  })
  readonly perSecond?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'The same key and input again answer with the same bulk, for 24 hours.',
  })
  readonly idempotencyKey?: string | null;
}

@ObjectType({ description: 'What became of an action on many runs.' })
export class BulkRunsPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'To look how far it is: `bulk`. Null where nothing was begun.',
  })
  readonly id!: string | null;

  @Field(() => Int, { description: 'How many runs it is for.' })
  readonly matched!: number;

  @Field(() => Int, { description: 'For how many of them it is stored, and will be applied.' })
  readonly applied!: number;

  @Field(() => [UserError], {
    description:
      'Of the runs that `filter.ids` names, why each of those is left out that did not match; ' +
      'where none matched, they are the `userErrors`. Not told again under the same key.',
  })
  readonly unmatched!: readonly UserError[];

  @Field(() => Boolean, { description: 'An earlier request with this key has begun it.' })
  readonly replayed!: boolean;

  @Field(() => Boolean, {
    description: 'It goes on in the background, also when this gateway does not.',
  })
  readonly pending!: boolean;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}

@InputType({ description: 'An action on many runs that is to stop where it is.' })
export class CancelBulkInput {
  @Field(() => ID, { description: 'The bulk.' })
  readonly id!: string;

  @Field(() => String, { nullable: true, description: 'Why, for those who look later.' })
  readonly reason?: string | null;
}

@ObjectType('Bulk', { description: 'An action on many runs. Kept for 24 hours after its end.' })
export class BulkModel {
  @Field(() => ID, { description: 'Its id.' })
  readonly id!: string;

  @Field(() => BulkStateEnum, { description: 'Whether it is over.' })
  readonly state!: BulkState;

  @Field(() => BulkActionEnum, { description: 'What is done.' })
  readonly action!: BulkAction;

  @Field(() => JsonScalar, { description: 'Which runs, as it was asked: fields of a RunFilter.' })
  readonly filter!: unknown;

  @Field(() => Int, { nullable: true, description: 'The pace that was asked for.' })
  readonly perSecond!: number | null;

  @Field(() => Int, { nullable: true, description: 'Of REPRIORITIZE: the new one.' })
  readonly priority!: number | null;

  @Field(() => Int, { description: 'How many runs matched when it began.' })
  readonly matched!: number;

  @Field(() => Int, { description: 'For how many runs it is stored, and will be applied.' })
  readonly applied!: number;

  @Field(() => Int, {
    description:
      'For how many it could not be: another run holds the dedup key, another request has ' +
      'retried or discarded it just then, or it cannot be stored. Of the rest, those that no ' +
      'longer match when their turn comes are passed over.',
  })
  readonly refused!: number;

  @Field(() => String, { description: 'Why, for those who look later.' })
  readonly reason!: string;

  @Field(() => String, { description: 'Who has asked for it.' })
  readonly by!: string;

  @Field(() => DateTimeScalar, { description: 'When it began.' })
  readonly startedAt!: number;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it ended.' })
  readonly finishedAt!: number | null;

  @Field(() => String, { nullable: true, description: 'Why it has ended early.' })
  readonly failure!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'While it is RUNNING: what keeps it from going on; it is tried again.',
  })
  readonly trouble!: string | null;

  @Field(() => String, { nullable: true, description: 'Who has cancelled it.' })
  readonly stoppedBy!: string | null;

  @Field(() => String, { nullable: true, description: 'Why, in their words.' })
  readonly stopReason!: string | null;
}

export const BulkConnection = connectionType(() => BulkModel, 'Bulk');

@ObjectType({ description: 'What became of a request about an action on many runs.' })
export class BulkPayload {
  @Field(() => BulkModel, { nullable: true, description: 'The bulk as it is now.' })
  readonly bulk!: BulkModel | null;

  @Field(() => Boolean, { description: 'false: it was cancelled before, or it was refused.' })
  readonly changed!: boolean;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}
