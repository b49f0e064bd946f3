import { Field, Float, Int, ObjectType } from '@nestjs/graphql';
import type { ClusterEventKind } from '#core';
import { ClusterEventKindEnum } from '../schema/enums.js';
import { connectionType } from '../schema/page.js';
import { DateTimeScalar, DurationScalar } from '../schema/scalars.js';

@ObjectType({ description: 'A share of all runs, with one writer at a time.' })
export class Partition {
  @Field(() => Int, { description: 'Counted from 0.' })
  readonly id!: number;

  @Field(() => String, { nullable: true, description: 'The scheduler thread that writes it.' })
  readonly owner!: string | null;

  @Field(() => String, {
    description:
      'OWNED; STALE: its owner has not been seen for 3 s; FREE: nobody owns it; SICK: three ' +
      'owners in a row gave it up, and it is tried again after a while.',
  })
  readonly state!: string;

  @Field(() => String, { nullable: true, description: 'Why its last owner has given it up.' })
  readonly reason!: string | null;

  @Field(() => String, { description: 'How many times it was claimed.' })
  readonly epoch!: string;

  @Field(() => String, { description: 'How many events it has had.' })
  readonly seq!: string;

  @Field(() => DateTimeScalar, { description: 'Since when it has this owner, or none.' })
  readonly since!: number;

  @Field(() => DurationScalar, {
    nullable: true,
    description: 'How long the commits of its owner took lately: 99 of 100 at most this.',
  })
  readonly commitP99!: number | null;

  @Field(() => DurationScalar, {
    nullable: true,
    description: 'For how long the oldest of what its owner has not taken in yet stands there.',
  })
  readonly lag!: number | null;
}

@ObjectType({ description: 'One thread of a scheduler.' })
export class SchedulerThread {
  @Field(() => String, { description: 'Its name.' })
  readonly name!: string;

  @Field(() => DateTimeScalar, { description: 'When it last said that it is there.' })
  readonly lastSeen!: number;

  @Field(() => Int, { description: 'How many partitions it owns.' })
  readonly partitions!: number;

  @Field(() => Float, { nullable: true, description: 'How often it has committed.' })
  readonly commits!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'How often it was refused to write, because somebody else owned the partition.',
  })
  readonly fenced!: number | null;

  @Field(() => DurationScalar, {
    nullable: true,
    description: 'How long its commits took lately: half of them at most this.',
  })
  readonly commitP50!: number | null;

  @Field(() => DurationScalar, { nullable: true, description: 'And 99 of 100 at most this.' })
  readonly commitP99!: number | null;
}

@ObjectType({ description: 'A scheduler process that was there within the last hour.' })
export class SchedulerNode {
  @Field(() => String, { description: 'Its name.' })
  readonly name!: string;

  @Field(() => [SchedulerThread], { description: 'Its threads.' })
  readonly threads!: readonly SchedulerThread[];
}

@ObjectType({ description: 'What a commit would have told, had it not been refused.' })
export class RefusedWrites {
  @Field(() => Int, { description: 'Events of runs.' })
  readonly events!: number;

  @Field(() => Int, { description: 'Attempts that it would have granted.' })
  readonly grants!: number;

  @Field(() => Int, { description: 'Runs that it would have ended.' })
  readonly results!: number;
}

@ObjectType({ description: 'Something that happened to the ownership of a partition.' })
export class ClusterEvent {
  @Field(() => DateTimeScalar, { description: "When, by the database's clock." })
  readonly at!: number;

  @Field(() => ClusterEventKindEnum, { description: 'What.' })
  readonly kind!: ClusterEventKind;

  @Field(() => Int, { description: 'To which partition.' })
  readonly partition!: number;

  @Field(() => String, { description: 'Under which epoch of it.' })
  readonly epoch!: string;

  @Field(() => String, { description: 'The scheduler thread that did it, or was refused.' })
  readonly thread!: string;

  @Field(() => String, { nullable: true, description: 'Of a claim: who owned it until then.' })
  readonly from!: string | null;

  @Field(() => String, { nullable: true, description: 'Why it was let go.' })
  readonly reason!: string | null;

  @Field(() => RefusedWrites, { nullable: true, description: 'Of a fence: what was refused.' })
  readonly refused!: RefusedWrites | null;
}

export const ClusterEventConnection = connectionType(() => ClusterEvent, 'ClusterEvent');

@ObjectType({ description: 'Who owns what.' })
export class Cluster {
  @Field(() => [SchedulerNode], { description: 'The schedulers.' })
  readonly schedulers!: readonly SchedulerNode[];

  @Field(() => [Partition], { description: 'The partitions.' })
  readonly partitions!: readonly Partition[];
}
