import { Field, ID, InputType, ObjectType } from '@nestjs/graphql';
import { type Role, RoleEnum } from '../schema/enums.js';
import { DateTimeScalar } from '../schema/scalars.js';
import { UserError } from '../schema/user-error.js';

@ObjectType({ description: 'A key to this API. Only its hash is stored.' })
export class ApiKey {
  @Field(() => ID, { description: 'Its id.' })
  readonly id!: string;

  @Field(() => String, { description: 'What people call it.' })
  readonly name!: string;

  @Field(() => String, { description: 'The part of the key that may be shown.' })
  readonly prefix!: string;

  @Field(() => [String], { description: 'The names of its projects; `*` alone: every project.' })
  readonly projects!: readonly string[];

  @Field(() => RoleEnum, { description: 'What it may do in them.' })
  readonly role!: Role;

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  readonly createdAt!: number;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it stops being good.' })
  readonly expiresAt!: number | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was last used, within a minute or so.',
  })
  readonly lastUsedAt!: number | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it was revoked.' })
  readonly revokedAt!: number | null;
}

@InputType({ description: 'A key to be made.' })
export class CreateApiKeyInput {
  @Field(() => String, { description: 'What people will call it.' })
  readonly name!: string;

  @Field(() => [String], {
    description: 'The names of its projects; `*` alone: every project, also those to come.',
  })
  readonly projects!: readonly string[];

  @Field(() => RoleEnum, { description: 'What it may do in them.' })
  readonly role!: Role;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it stops being good; not after the key that makes it.',
  })
  readonly expiresAt?: number | null;
}

@InputType({ description: 'Which key.' })
export class ApiKeyActionInput {
  @Field(() => ID, { description: 'The id of the key.' })
  readonly id!: string;
}

@ObjectType({ description: 'What became of a request about a key.' })
export class ApiKeyPayload {
  @Field(() => ApiKey, { nullable: true, description: 'The key, without its secret.' })
  readonly apiKey!: ApiKey | null;

  @Field(() => String, { nullable: true, description: 'The key itself: shown once, here.' })
  readonly key!: string | null;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}
