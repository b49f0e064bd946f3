import { Args, Context, Mutation, Resolver } from '@nestjs/graphql';
import {
  type ApiKeyEntity,
  Definitions,
  createApiKey,
  findApiKey,
  newApiKey,
  revokeApiKey,
} from '#definitions';
import { isUuid } from '#protocol';
import { KeysService } from '../../auth/keys.service.js';
import { ProjectsService } from '../../auth/projects.service.js';
import { type Viewer, maySee } from '../../auth/viewer.js';
import type { GraphqlContext } from '../driver/context.js';
import { Requires } from '../driver/roles.js';
import { ROLES } from '../schema/enums.js';
import {
  type UserError,
  findBrokenStrings,
  notFoundError,
  userError,
} from '../schema/user-error.js';
import { ApiKey, ApiKeyActionInput, ApiKeyPayload, CreateApiKeyInput } from './api-key.model.js';

const ALL = '*';
const NAME = /^[^\p{Cc}\p{Surrogate}]{1,100}$/u;
const PROJECTS_MAX = 1_000;

const refused = (...userErrors: readonly UserError[]): ApiKeyPayload => ({
  apiKey: null,
  key: null,
  userErrors,
});

@Resolver(() => ApiKey)
export class ApiKeysResolver {
  constructor(
    private readonly definitions: Definitions,
    private readonly projects: ProjectsService,
    private readonly keys: KeysService,
  ) {}

  @Mutation(() => ApiKeyPayload, { description: 'Makes a key. It is shown in this answer only.' })
  @Requires('ADMIN')
  async createApiKey(
    @Args('input', { type: () => CreateApiKeyInput, description: 'The key to be made.' })
    input: CreateApiKeyInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ApiKeyPayload> {
    const errors = findBrokenStrings(input);
    if (errors.length > 0) return refused(...errors);
    if (!NAME.test(input.name)) {
      errors.push(userError('INVALID_VALUE', ['name'], 'A name has 1 to 100 characters.'));
    }
    const expiresAt = input.expiresAt ?? null;
    errors.push(...lifeErrors(viewer, expiresAt));
    const projects = await this.scope(viewer, input.projects, errors);
    if (errors.length > 0) return refused(...errors);
    const { key, prefix, hash } = newApiKey();
    const entity = await createApiKey(this.definitions, {
      name: input.name,
      prefix,
      hash,
      role: input.role,
      projects,
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
    });
    return { apiKey: await this.shown(viewer, entity), key, userErrors: [] };
  }

  @Mutation(() => ApiKeyPayload, {
    description: 'Ends a key, and within seconds what is open under it.',
  })
  @Requires('ADMIN')
  async revokeApiKey(
    @Args('input', { type: () => ApiKeyActionInput, description: 'Which key.' })
    input: ApiKeyActionInput,
    @Context() { viewer }: GraphqlContext,
  ): Promise<ApiKeyPayload> {
    const { id } = input;
    const entity = isUuid(id) ? await findApiKey(this.definitions, { id }) : null;
    // Another project's key is as good as none.
    if (entity === null || !mayManage(viewer, entity)) {
      return refused(notFoundError(['id'], 'This key'));
    }
    await revokeApiKey(this.definitions, id);
    this.keys.forget();
    const revoked = await findApiKey(this.definitions, { id });
    return { apiKey: await this.shown(viewer, revoked ?? entity), key: null, userErrors: [] };
  }

  /**
   * null: every project. Nobody gives away more than they have; of roles nothing needs to be
   * checked, since who comes here has the highest.
   */
  private async scope(
    viewer: Viewer,
    names: readonly string[],
    errors: UserError[],
  ): Promise<string[] | null> {
    if (names.length === 1 && names[0] === ALL) {
      if (viewer.projects === null) return null;
      const message = 'Only a key for every project makes another one: name the projects.';
      errors.push(userError('FORBIDDEN_SCOPE', ['projects'], message));
      return [];
    }
    if (names.length === 0 || names.length > PROJECTS_MAX) {
      const message = `Name 1 to ${PROJECTS_MAX} projects, or ["*"] for every project.`;
      errors.push(userError('INVALID_VALUE', ['projects'], message));
      return [];
    }
    const ids: string[] = [];
    for (const [i, name] of names.entries()) {
      const project = await this.projects.named(viewer, name);
      if (project !== undefined) ids.push(project.id);
      else errors.push(notFoundError(['projects', String(i)], `Project ${JSON.stringify(name)}`));
    }
    return [...new Set(ids)];
  }

  private async shown(viewer: Viewer, entity: ApiKeyEntity): Promise<ApiKey> {
    const names: string[] = [];
    for (const id of entity.projects ?? []) {
      const project = await this.projects.withId(viewer, id);
      if (project !== undefined) names.push(project.name);
    }
    return {
      id: entity.id,
      name: entity.name,
      prefix: entity.prefix,
      projects: entity.projects === null ? [ALL] : names,
      role: ROLES.find((role) => role === entity.role) ?? 'VIEWER',
      createdAt: entity.createdAt.getTime(),
      expiresAt: entity.expiresAt?.getTime() ?? null,
      lastUsedAt: entity.lastUsedAt?.getTime() ?? null,
      revokedAt: entity.revokedAt?.getTime() ?? null,
    };
  }
}

/** A key that lives on in the keys it makes would never have expired. */
function lifeErrors(viewer: Viewer, expiresAt: number | null): UserError[] {
  if (expiresAt !== null && expiresAt <= Date.now()) {
    return [userError('INVALID_VALUE', ['expiresAt'], 'That time is over.')];
  }
  const { expiresAt: own } = viewer;
  if (own === null || (expiresAt !== null && expiresAt <= own)) return [];
  const message = `This key ends at ${new Date(own).toISOString()}: a key it makes ends by then.`;
  return [userError('FORBIDDEN_SCOPE', ['expiresAt'], message)];
}

/** All of the key's projects are the viewer's. */
function mayManage(viewer: Viewer, { projects }: ApiKeyEntity): boolean {
  if (viewer.projects === null) return true;
  return projects !== null && projects.every((project) => maySee(viewer, project));
}
