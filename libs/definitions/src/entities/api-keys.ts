import { randomUUID } from 'node:crypto';
import { IsNull } from 'typeorm';
import { ApiKeyEntity } from './api-key.entity.js';
import type { Definitions } from './definitions.js';

export interface NewApiKey {
  readonly name: string;
  readonly prefix: string;
  readonly hash: Buffer;
  readonly role: string;
  readonly projects: readonly string[] | null;
  readonly expiresAt: Date | null;
}

export async function createApiKey(
  { manager }: Definitions,
  key: NewApiKey,
): Promise<ApiKeyEntity> {
  const projects = key.projects === null ? null : [...key.projects];
  return await manager.save(
    manager.create(ApiKeyEntity, { ...key, projects, id: randomUUID(), createdAt: new Date() }),
  );
}

export async function findApiKey(
  { manager }: Definitions,
  by: { readonly hash: Buffer } | { readonly id: string },
): Promise<ApiKeyEntity | null> {
  return await manager.findOneBy(ApiKeyEntity, by);
}

/** The first revocation stands: a repeat does not move its time. */
export async function revokeApiKey({ manager }: Definitions, id: string): Promise<void> {
  await manager.update(ApiKeyEntity, { id, revokedAt: IsNull() }, { revokedAt: new Date() });
}

export async function markApiKeyUsed({ manager }: Definitions, id: string): Promise<void> {
  await manager.update(ApiKeyEntity, { id }, { lastUsedAt: new Date() });
}
