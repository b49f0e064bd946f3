import { Field, ID, InputType, ObjectType } from '@nestjs/graphql';
import type { ProjectRow } from '#postgres';
import { type Role, RoleEnum } from '../schema/enums.js';
import { connectionType } from '../schema/page.js';
import { DateTimeScalar, JsonScalar } from '../schema/scalars.js';
import { UserError } from '../schema/user-error.js';

@ObjectType({ description: 'What belongs together and is kept apart from everything else.' })
export class Project implements Omit<ProjectRow, 'defaults'> {
  @Field(() => ID, { description: 'Its id.' })
  readonly id!: string;

  @Field(() => String, { description: 'Unique in the installation.' })
  readonly name!: string;

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  readonly description!: string | null;

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  readonly createdAt!: number;
}

@ObjectType({ description: 'What somebody may do in a project.' })
export class ProjectAccess {
  @Field(() => Project, { description: 'The project.' })
  readonly project!: Project;

  @Field(() => RoleEnum, { description: 'What may be done in it.' })
  readonly role!: Role;
}

@ObjectType('Viewer', { description: 'Who asks.' })
export class ViewerModel {
  @Field(() => ID, { description: 'The id of the key.' })
  readonly id!: string;

  @Field(() => String, { description: 'The name of the key.' })
  readonly name!: string;

  @Field(() => String, { description: 'API_KEY.' })
  readonly kind!: string;
}

@InputType({ description: 'What is to be another about a project; what is left out stays.' })
export class UpdateProjectInput {
  @Field(() => String, { description: 'Its name.' })
  readonly name!: string;

  @Field(() => String, { nullable: true, description: 'What it is for; null: nothing is said.' })
  readonly description?: string | null;

  @Field(() => JsonScalar, {
    nullable: true,
    description:
      'All of its defaults: fields of a specification for jobs that say nothing of them, such ' +
      'as {"timeout": "10m", "retry": {"maxAttempts": 5}}. They hold for the next submission; ' +
      'null: there are none.',
  })
  readonly defaults?: unknown;
}

@InputType({ description: 'A project to be made.' })
export class CreateProjectInput {
  @Field(() => String, {
    description: '1 to 63 lower-case letters, digits and dashes, beginning with a letter.',
  })
  readonly name!: string;

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  readonly description?: string | null;
}

@ObjectType({ description: 'What became of a request about a project.' })
export class ProjectPayload {
  @Field(() => Project, { nullable: true, description: 'The project.' })
  readonly project!: Project | null;

  @Field(() => [UserError], { description: 'Why it was refused; empty when it was not.' })
  readonly userErrors!: readonly UserError[];
}

export const ProjectConnection = connectionType(() => Project, 'Project');
