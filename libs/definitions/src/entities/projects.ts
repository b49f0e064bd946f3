import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import type { Definitions } from './definitions.js';
import { ProjectEntity } from './project.entity.js';

export interface NewProject {
  readonly name: string;
  readonly description: string | null;
}

/** Undefined: the name is taken. */
export async function createProject(
  definitions: Definitions,
  project: NewProject,
): Promise<ProjectEntity | undefined> {
  const id = randomUUID();
  try {
    return await definitions.within([id], async (manager) => {
      const entity = manager.create(ProjectEntity, { id, ...project, defaults: '{}' });
      return await manager.save(entity);
    });
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

export interface ProjectChange {
  readonly id: string;
  readonly description?: string | null;
  readonly defaults?: string;
}

/** What is left out stays as it is. */
export async function updateProject(
  definitions: Definitions,
  { id, ...change }: ProjectChange,
): Promise<ProjectEntity> {
  return await definitions.within([id], async (manager) => {
    if (Object.keys(change).length > 0) await manager.update(ProjectEntity, { id }, change);
    return await manager.findOneByOrFail(ProjectEntity, { id });
  });
}

export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const { driverError } = error as { driverError: unknown };
  return driverError instanceof pg.DatabaseError && driverError.code === '23505';
}
