import { Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import type { Closed, ExecutorState } from '#core';
import { ExecutorStateEnum } from '../schema/enums.js';
import { connectionType } from '../schema/page.js';
import { DateTimeScalar, JsonScalar } from '../schema/scalars.js';
import type { ExecutorView } from './executor.view.js';

@ObjectType({ description: 'By whose word an executor is given nothing new.' })
export class ExecutorClosed implements Closed {
  @Field(() => ExecutorStateEnum, { description: 'DRAINING or CORDONED.' })
  readonly as!: Closed['as'];

  @Field(() => String, { description: 'Who said so.' })
  readonly by!: string;

  @Field(() => String, { description: 'Why.' })
  readonly reason!: string;

  @Field(() => DateTimeScalar, { description: 'When.' })
  readonly at!: number;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When what still runs on it is stopped, to run elsewhere.',
  })
  readonly emptyBy!: number | null;
}

@ObjectType({ description: 'A process that runs attempts.' })
export class Executor implements Omit<ExecutorView, 'pool'> {
  @Field(() => ID, { description: 'Unique in the cluster, and kept across restarts.' })
  readonly id!: string;

  @Field(() => String, { description: 'What people call it.' })
  readonly name!: string;

  @Field(() => ExecutorStateEnum, { description: 'Whether it is given work.' })
  readonly state!: ExecutorState;

  @Field(() => JsonScalar, { description: 'Labels that jobs can ask for.' })
  readonly labels!: Readonly<Record<string, string>>;

  @Field(() => JsonScalar, { description: 'What it can do, as `shell` or `function:noop`.' })
  readonly capabilities!: readonly string[];

  @Field(() => String, { description: 'The version of its program.' })
  readonly version!: string;

  @Field(() => Int, { description: 'How many attempts it runs at a time.' })
  readonly slots!: number;

  @Field(() => Int, { description: 'Attempts that it was granted and that have not ended.' })
  readonly busy!: number;

  @Field(() => DateTimeScalar, { description: 'Since when it is in this state.' })
  readonly since!: number;

  @Field(() => ExecutorClosed, {
    nullable: true,
    description: 'Who has drained or cordoned it; also while it is OFFLINE.',
  })
  readonly closed!: ExecutorClosed | null;
}

@InputType({ description: 'Which executors are meant.' })
export class ExecutorFilter {
  @Field(() => [String], { nullable: true, description: 'In any of these pools.' })
  readonly pools?: readonly string[] | null;

  @Field(() => [ExecutorStateEnum], { nullable: true, description: 'In any of these states.' })
  readonly states?: readonly ExecutorState[] | null;
}

export const ExecutorConnection = connectionType(() => Executor, 'Executor');
