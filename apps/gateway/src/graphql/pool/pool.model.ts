import { Field, Int, ObjectType } from '@nestjs/graphql';

@ObjectType({ description: 'A named group of executors that share a queue.' })
export class Pool {
  @Field(() => String, { description: 'Its name; jobs ask for it by this.' })
  readonly name!: string;

  @Field(() => Int, { description: 'The slots of its executors that are given work.' })
  readonly slots!: number;

  @Field(() => Int, { description: 'Attempts that its executors were granted and have not ended.' })
  readonly busy!: number;
}

/** A pool with what waits for it, where that has been read. */
export interface PoolView extends Pool {
  readonly queue?: PoolQueue;
}
export interface PoolQueue {
  readonly waiting: number;
  /** Since when the one waits that has waited longest. */
  readonly oldest: number | null;
}
