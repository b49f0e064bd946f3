import { Field, Int, ObjectType } from '@nestjs/graphql';
import type { EventType, RunState } from '#core';
import { RunEventTypeEnum, RunStateEnum } from '../schema/enums.js';
import { connectionType } from '../schema/page.js';
import { CursorScalar, DateTimeScalar, JsonScalar } from '../schema/scalars.js';
import { Run } from './run.model.js';

@ObjectType({ description: 'Something that happened to a run.' })
export class RunEvent {
  @Field(() => DateTimeScalar, { description: 'When.' })
  readonly at!: number;

  @Field(() => RunEventTypeEnum, { description: 'What.' })
  readonly type!: EventType;

  @Field(() => RunStateEnum, { nullable: true, description: 'The state before.' })
  readonly from!: RunState | null;

  @Field(() => RunStateEnum, { nullable: true, description: 'The state after.' })
  readonly to!: RunState | null;

  @Field(() => Int, { nullable: true, description: 'The attempt that it is about.' })
  readonly attempt!: number | null;

  @Field(() => String, { nullable: true, description: 'Who did it, when somebody did.' })
  readonly actor!: string | null;

  @Field(() => JsonScalar, { nullable: true, description: 'What else there is to say.' })
  readonly data!: unknown;

  @Field(() => Run, { description: 'The run, as it is when the event is read.' })
  readonly run!: Pick<Run, 'id'> | Promise<Run>;
}

@ObjectType({ description: 'Events that were committed together, and the place behind them.' })
export class RunEventFrame {
  @Field(() => CursorScalar, { description: 'Give it as `after` to go on behind this frame.' })
  readonly cursor!: string;

  @Field(() => [RunEvent], { description: 'In order within a partition; may be empty.' })
  readonly events!: readonly RunEvent[];
}

export const RunEventConnection = connectionType(() => RunEvent, 'RunEvent');
