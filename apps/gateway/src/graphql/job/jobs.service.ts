import { Inject, Injectable } from '@nestjs/common';
import type { Settings } from '#config';
import {
  type JobRow,
  type JobVersionRef,
  type ProjectRow,
  type Reader,
  findJobSpecs,
  findJobs,
  findJobsByName,
} from '#postgres';
import { parseJson } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import type { Viewer } from '../../auth/viewer.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import { type StoredSpecification, storedOf } from '../../specification/resolve.js';
import { defaultsOf, readStored } from '../../specification/defaults.js';
import type { Specification } from '../../specification/specification.js';
import { SETTINGS } from '../../tokens.js';
import { Batch, byKey } from '../driver/batch.js';

/** A version of a job, ready to be submitted. */
export interface ResolvedVersion {
  readonly specification: Specification;
  readonly stored: StoredSpecification;
}

const RESOLVED_MAX = 5_000;
const nameOf = ({ job, version }: JobVersionRef): string => `${job}/${version}`;

@Injectable()
export class JobsService {
  /** Versions never change, so they are read once for each defaults; the oldest leave. */
  private readonly resolved = new Map<string, ResolvedVersion & { readonly defaults: string }>();
  private readonly byName = new Map<string, Batch<string, JobRow>>();
  private readonly specs = new Batch(
    async (names: readonly string[]) => await this.readSpecs(names),
  );
  private readonly scopes = new Map<string, string>();

  constructor(
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    private readonly projects: ProjectsService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  jobsOf(viewer: Viewer): Batch<string, JobRow> {
    return new Batch(async (ids: readonly string[]) => {
      const scope = await this.projects.scopeOf(viewer);
      return byKey(await findJobs(this.reader, scope, ids), (job) => job.id);
    });
  }

  /** JSON texts by `job/version`. */
  specsOf(viewer: Viewer): Batch<string, string> {
    return new Batch(async (names: readonly string[]) => {
      const scope = await this.projects.scopeOf(viewer);
      const rows = await findJobSpecs(this.reader, scope, names.map(refOf));
      return new Map(rows.map((row) => [nameOf(row), row.spec]));
    });
  }

  /**
   * As it is now, unless it is deleted: nothing is remembered, and all that ask in one turn share
   * one read.
   */
  async named(project: string, name: string): Promise<JobRow | undefined> {
    let batch = this.byName.get(project);
    if (batch === undefined) {
      batch = new Batch(async (names: readonly string[]) => {
        this.byName.delete(project);
        return byKey(await findJobsByName(this.reader, project, names), (job) => job.name);
      });
      this.byName.set(project, batch);
    }
    const job = await batch.load(name);
    return job?.deletedAt === null ? job : undefined;
  }

  /** Undefined: the job has no such version. */
  async resolve(
    project: ProjectRow,
    job: JobRow,
    version: number,
  ): Promise<ResolvedVersion | undefined> {
    const key = nameOf({ job: job.id, version });
    const { defaults } = await this.projects.fresh(project);
    const known = this.resolved.get(key);
    if (known?.defaults === defaults) return known;
    this.scopes.set(key, project.id);
    const text = await this.specs.load(key);
    if (text === undefined) return undefined;
    const read = readStored(parseJson(text), defaultsOf(defaults), this.settings.silentAfterMs);
    if (!read.ok) throw new Error(`version ${key} is stored and not valid: ${text.slice(0, 200)}`);
    const { specification } = read;
    const names = { job: job.name, project: project.name };
    const resolved = { specification, stored: storedOf(specification, names), defaults };
    this.resolved.set(key, resolved);
    if (this.resolved.size > RESOLVED_MAX) {
      for (const oldest of this.resolved.keys()) {
        this.resolved.delete(oldest);
        break;
      }
    }
    return resolved;
  }

  private async readSpecs(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const scope = new Set<string>();
    for (const name of names) {
      const project = this.scopes.get(name);
      if (project !== undefined) scope.add(project);
      this.scopes.delete(name);
    }
    const rows = await findJobSpecs(this.reader, [...scope], names.map(refOf));
    return new Map(rows.map((row) => [nameOf(row), row.spec]));
  }
}

function refOf(name: string): JobVersionRef {
  const [job = '', version = '0'] = name.split('/');
  return { job, version: Number(version) };
}
