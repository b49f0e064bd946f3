import { ROLES, type Role } from '../graphql/schema/enums.js';

/** Who asks. Everything that an answer may depend on is in here. */
export interface Viewer {
  /** The id of the key. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Project ids; null: every project. */
  readonly projects: readonly string[] | null;
  readonly expiresAt: number | null;
}

export function mayAct(viewer: Viewer, needed: Role): boolean {
  return ROLES.indexOf(viewer.role) >= ROLES.indexOf(needed);
}

export function maySee(viewer: Viewer, project: string): boolean {
  return viewer.projects === null || viewer.projects.includes(project);
}

/** How a viewer stands in rows that tell who did something. */
export const actorOf = (viewer: Viewer): string => `key:${viewer.name}`;
