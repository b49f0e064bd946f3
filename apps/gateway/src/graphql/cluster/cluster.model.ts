import { Field, Int, ObjectType } from '@nestjs/graphql';
import { DateTimeScalar } from '../schema/scalars.js';

@ObjectType({ description: 'A share of all runs, with one writer at a time.' })
export class Partition {
  @Field(() => Int, { description: 'Counted from 0.' })
  readonly id!: number;

  @Field(() => String, { nullable: true, description: 'The scheduler thread that writes it.' })
  readonly owner!: string | null;

  @Field(() => String, {
    description: 'OWNED; STALE: its owner has not been seen for 3 s; FREE: nobody owns it.',
  })
  readonly state!: string;

  @Field(() => String, { description: 'How many times it was claimed.' })
  readonly epoch!: string;

  @Field(() => String, { description: 'How many events it has had.' })
  readonly seq!: string;

  @Field(() => DateTimeScalar, { description: 'Since when it has this owner, or none.' })
  readonly since!: number;
}

@ObjectType({ description: 'One thread of a scheduler.' })
export class SchedulerThread {
  @Field(() => String, { description: 'Its name.' })
  readonly name!: string;

  @Field(() => DateTimeScalar, { description: 'When it last said that it is there.' })
  readonly lastSeen!: number;

  @Field(() => Int, { description: 'How many partitions it owns.' })
  readonly partitions!: number;
}

@ObjectType({ description: 'A scheduler process that was there within the last hour.' })
export class SchedulerNode {
  @Field(() => String, { description: 'Its name.' })
  readonly name!: string;

  @Field(() => [SchedulerThread], { description: 'Its threads.' })
  readonly threads!: readonly SchedulerThread[];
}

@ObjectType({ description: 'Who owns what.' })
export class Cluster {
  @Field(() => [SchedulerNode], { description: 'The schedulers.' })
  readonly schedulers!: readonly SchedulerNode[];

  @Field(() => [Partition], { description: 'The partitions.' })
  readonly partitions!: readonly Partition[];
}
