import { Inject } from '@nestjs/common';
import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import type { Settings } from '#config';
import {
  Definitions,
  type ProjectEntity,
  canonicalJson,
  createProject,
  updateProject,
} from '#definitions';
import type { ProjectRow } from '#postgres';
import { parseJson } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import type { GraphqlContext } from '../driver/context.js';
import { problem } from '../driver/errors.js';
import { Requires } from '../driver/roles.js';
import {
  type ConnectionOf,
  PageArgs,
  decodeCursor,
  encodeCursor,
  pageOf,
  pageSize,
} from '../schema/page.js';
import { readDefaults } from '../../specification/defaults.js';
import { SETTINGS } from '../../tokens.js';
import { given } from '../run/submission.js';
import { JsonScalar } from '../schema/scalars.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import {
  CreateProjectInput,
  Project,
  ProjectAccess,
  ProjectConnection,
  ProjectPayload,
  UpdateProjectInput,
  ViewerModel,
} from './project.model.js';

const CURSOR = 'project';
const NAME = /^[a-z][a-z0-9-]{0,62}$/;
const DESCRIPTION_CHARS_MAX = 10_000;

@Resolver(() => Project)
export class ProjectsResolver {
  constructor(
    private readonly projects: ProjectsService,
    private readonly definitions: Definitions,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Query(() => ViewerModel, { description: 'Who asks.' })
  @Requires('VIEWER')
  viewer(@Context() { viewer }: GraphqlContext): ViewerModel {
    return { id: viewer.id, name: viewer.name, kind: 'API_KEY' };
  }

  @Query(() => Project, { nullable: true, description: 'One project, by name.' })
  @Requires('VIEWER')
  async project(
    @Args('name', { type: () => String, description: 'Its name.' }) name: string,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ProjectRow | undefined> {
    return await this.projects.named(viewer, name);
  }

  @Query(() => ProjectConnection, {
    name: 'projects',
    description: 'The projects that the viewer may see, by name.',
  })
  @Requires('VIEWER')
  async list(
    @Args() page: PageArgs,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ConnectionOf<ProjectRow>> {
    const size = pageSize(page.first);
    const isSound = ([name]: readonly unknown[]): boolean => typeof name === 'string';
    const [after] = decodeCursor(CURSOR, page.after, isSound) ?? [''];
    const all = await this.projects.all(viewer);
    const found = all.filter(({ name }) => name > (after as string));
    return pageOf(
      found,
      size,
      (project) => project,
      ({ name }) => encodeCursor(CURSOR, name),
    );
  }

  @Mutation(() => ProjectPayload, { description: 'Makes a project.' })
  @Requires('ADMIN')
  async createProject(
    @Args('input', { type: () => CreateProjectInput, description: 'What to make.' })
    input: CreateProjectInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ProjectPayload> {
    if (viewer.projects !== null) {
      throw problem('FORBIDDEN', 'Only a key for every project makes new ones.');
    }
    const { name } = input;
    const description = input.description ?? null;
    const userErrors = findBrokenStrings(input);
    if (!NAME.test(name)) {
      const message = 'A name has 1 to 63 lower-case letters, digits and dashes, a letter first.';
      userErrors.push(userError('INVALID_VALUE', ['name'], message));
    }
    checkDescription(description, userErrors);
    if (userErrors.length > 0) return { project: null, userErrors };
    const made = await createProject(this.definitions, { name, description });
    if (made === undefined) {
      const message = `There is a project ${name} already: choose another name.`;
      return { project: null, userErrors: [userError('NAME_TAKEN', ['name'], message)] };
    }
    return { project: rowOf(made), userErrors: [] };
  }

  @Mutation(() => ProjectPayload, {
    description: 'Changes what a project is for, and what its jobs go by that say nothing.',
  })
  @Requires('ADMIN')
  async updateProject(
    @Args('input', { type: () => UpdateProjectInput, description: 'Which project, and what.' })
    input: UpdateProjectInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ProjectPayload> {
    const userErrors = findBrokenStrings(input);
    const project = await this.projects.named(viewer, input.name);
    if (project === undefined && userErrors.length === 0) {
      userErrors.push(notFoundError(['name'], `Project ${JSON.stringify(input.name)}`));
    }
    if (userErrors.length > 0 || project === undefined) return { project: null, userErrors };
    const { description, defaults } = input;
    checkDescription(description ?? null, userErrors);
    if (given(defaults)) {
      userErrors.push(...readDefaults(defaults, ['defaults'], this.settings.silentAfterMs));
    }
    if (userErrors.length > 0) return { project: null, userErrors };
    const made = await updateProject(this.definitions, {
      id: project.id,
      ...(description === undefined ? {} : { description }),
      ...(defaults === undefined ? {} : { defaults: canonicalJson(defaults ?? {}) }),
    });
    await this.projects.changed();
    return { project: rowOf(made), userErrors: [] };
  }

  @ResolveField(() => JsonScalar, {
    name: 'defaults',
    description: 'What its jobs go by that say nothing: fields of a specification.',
  })
  defaultsOf(@Parent() { defaults }: ProjectRow): unknown {
    return parseJson(defaults);
  }
}

const rowOf = (project: ProjectEntity): ProjectRow => ({
  id: project.id,
  name: project.name,
  description: project.description,
  defaults: project.defaults,
  createdAt: project.createdAt.getTime(),
});

function checkDescription(description: string | null, errors: UserError[]): void {
  const isTooLong = (description?.length ?? 0) > DESCRIPTION_CHARS_MAX;
  if (!isTooLong && description?.includes('\0') !== true) return;
  const message = `A description is a text of at most ${DESCRIPTION_CHARS_MAX} characters.`;
  errors.push(userError('INVALID_VALUE', ['description'], message));
}

@Resolver(() => ViewerModel)
export class ViewerResolver {
  constructor(private readonly projects: ProjectsService) {}

  @ResolveField(() => [ProjectAccess], {
    name: 'projects',
    description: 'The projects that the viewer may see, and what may be done there.',
  })
  async access(
    @Parent() _viewer: ViewerModel,
    @Context() { viewer }: GraphqlContext,
  ): Promise<readonly ProjectAccess[]> {
    const all = await this.projects.all(viewer);
    return all.map((project) => ({ project, role: viewer.role }));
  }
}
