import { Inject, Injectable } from '@nestjs/common';
import { type ProjectRow, type Reader, readProjects } from '#postgres';
import { type Viewer, maySee } from './viewer.js';

export const DIRECTORY_READER = Symbol('directory-reader');

/** How old the list may be when it is all that an answer needs. */
const FRESH_MS = 1_000;

/**
 * Names of projects to ids, and who may see which. What does not exist and what a viewer may not
 * see are one answer here, so nothing behind it can tell them apart.
 */
@Injectable()
export class ProjectsService {
  private byId: ReadonlyMap<string, ProjectRow> = new Map();
  private byName: ReadonlyMap<string, ProjectRow> = new Map();
  private readAt = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;

  constructor(@Inject(DIRECTORY_READER) private readonly reader: Reader) {}

  async named(viewer: Viewer, name: string): Promise<ProjectRow | undefined> {
    // A project keeps its name and id, so what is known need not be fresh.
    if (!this.byName.has(name)) await this.refresh();
    return visible(viewer, this.byName.get(name));
  }

  async withId(viewer: Viewer, id: string): Promise<ProjectRow | undefined> {
    if (!this.byId.has(id)) await this.refresh();
    return visible(viewer, this.byId.get(id));
  }

  /** With its defaults as they were a second ago at most. */
  async fresh(project: ProjectRow): Promise<ProjectRow> {
    await this.refresh(FRESH_MS);
    return this.byId.get(project.id) ?? project;
  }

  /** Somebody has changed a project here: nobody here goes by what was. */
  async changed(): Promise<void> {
    await this.refresh();
  }

  /** The scope of a read that names no project. */
  async scopeOf(viewer: Pick<Viewer, 'projects'>): Promise<readonly string[]> {
    if (viewer.projects !== null) return viewer.projects;
    await this.refresh(FRESH_MS);
    return [...this.byId.keys()];
  }

  /** By name. */
  async all(viewer: Viewer): Promise<readonly ProjectRow[]> {
    await this.refresh();
    const seen = [...this.byId.values()].filter((project) => maySee(viewer, project.id));
    // Not the database's order: cursors are compared by code units.
    return seen.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private async refresh(maxAgeMs = 0): Promise<void> {
    if (performance.now() - this.readAt <= maxAgeMs) return;
    // A read that began before a project was made would miss it: one is started after it.
    const running = this.reading;
    if (running !== undefined) await running.catch(() => undefined);
    if (performance.now() - this.readAt <= maxAgeMs) return;
    this.reading ??= this.read().finally(() => {
      this.reading = undefined;
    });
    await this.reading;
  }

  private async read(): Promise<void> {
    const at = performance.now();
    const rows = await readProjects(this.reader);
    this.byId = new Map(rows.map((row) => [row.id, row]));
    this.byName = new Map(rows.map((row) => [row.name, row]));
    this.readAt = at;
  }
}

function visible(viewer: Viewer, project: ProjectRow | undefined): ProjectRow | undefined {
  return project !== undefined && maySee(viewer, project.id) ? project : undefined;
}
