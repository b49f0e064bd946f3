import { Inject, Injectable } from '@nestjs/common';
import {
  type ApiKeyEntity,
  type ApiKeyText,
  Definitions,
  findApiKey,
  markApiKeyUsed,
  readApiKey,
} from '#definitions';
import type { Logger } from '#telemetry';
import { ROLES, type Role } from '../graphql/schema/enums.js';
import { LOGGER } from '../tokens.js';
import type { Viewer } from './viewer.js';

/** With the look at open sockets each second, a revocation elsewhere is felt here within 5 s. */
const TRUSTED_MS = 2_500;
const USED_EVERY_MS = 60_000;
const KEYS_MAX = 10_000;

interface Known {
  readonly at: number;
  /** Undefined: no such key, also asked for again only after a while. */
  readonly found: Promise<ApiKeyEntity | null>;
}

/** Keys to viewers. Looked up once in a while for each key, by its hash. */
@Injectable()
export class KeysService {
  private readonly known = new Map<string, Known>();
  private readonly usedAt = new Map<string, number>();

  constructor(
    private readonly definitions: Definitions,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** From `Bearer ork_…`. Undefined: nobody we know. Rejects when the database cannot say. */
  async authenticate(authorization: string | undefined): Promise<Viewer | undefined> {
    const key = readApiKey(/^Bearer +(\S+)$/i.exec(authorization?.trim() ?? '')?.[1] ?? '');
    if (key === undefined) return undefined;
    const entity = await this.find(key);
    if (entity === null || !isGood(entity)) return undefined;
    this.used(entity);
    return {
      id: entity.id,
      name: entity.name,
      role: roleOf(entity.role),
      projects: entity.projects,
      expiresAt: entity.expiresAt?.getTime() ?? null,
    };
  }

  /** After a change of ours nobody waits for it. */
  forget(): void {
    this.known.clear();
  }

  private find(key: ApiKeyText): Promise<ApiKeyEntity | null> {
    const id = key.hash.toString('base64');
    const known = this.known.get(id);
    if (known !== undefined && performance.now() - known.at < TRUSTED_MS) return known.found;
    if (this.known.size >= KEYS_MAX) this.known.clear();
    const found = findApiKey(this.definitions, { hash: key.hash });
    this.known.set(id, { at: performance.now(), found });
    // A failure is not remembered: the next request asks again.
    found.catch(() => this.known.delete(id));
    return found;
  }

  private used(entity: ApiKeyEntity): void {
    const now = performance.now();
    const before = this.usedAt.get(entity.id);
    if (before !== undefined && now - before < USED_EVERY_MS) return;
    if (this.usedAt.size >= KEYS_MAX) this.usedAt.clear();
    this.usedAt.set(entity.id, now);
    markApiKeyUsed(this.definitions, entity.id).catch((error: unknown) => {
      this.log.debug('the time of use of a key was not written', { error });
    });
  }
}

function isGood(entity: ApiKeyEntity): boolean {
  return (
    entity.revokedAt === null &&
    (entity.expiresAt === null || entity.expiresAt.getTime() > Date.now())
  );
}

/** A role of a newer version may look, and no more. */
function roleOf(text: string): Role {
  return ROLES.find((role) => role === text) ?? 'VIEWER';
}
