import { type Reader, ms } from './reader.js';

export interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /** JSON text. */
  readonly defaults: string;
  readonly createdAt: number;
}

/**
 * Every project there is: names are unique across the installation and a key may be for all of
 * them, so somebody must see all. What a viewer may see is decided by the caller.
 */
export async function readProjects(reader: Reader): Promise<ProjectRow[]> {
  return await reader.query<ProjectRow & Record<string, unknown>>(
    `select id, name, description, defaults,
      ${ms('created_at')} as "createdAt" from project_directory()`,
    [],
  );
}
