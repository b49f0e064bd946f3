import { Inject, Injectable } from '@nestjs/common';
import {
  type ProjectRow,
  type Reader,
  type RunListFilter,
  findJobsByName,
  findRunBodies,
  findRuns,
  listRuns,
} from '#postgres';
import { isUuid } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import type { Viewer } from '../../auth/viewer.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import { isObject } from '../../specification/fields.js';
import { Batch, byKey } from '../driver/batch.js';
import { problem } from '../driver/errors.js';
import type { RunOrder } from '../schema/enums.js';
import { type UserError, notFoundError } from '../schema/user-error.js';
import {
  type ConnectionOf,
  type PageArgs,
  decodeCursor,
  encodeCursor,
  pageOf,
  pageSize,
} from '../schema/page.js';
import type { RunFilter } from './run.inputs.js';
import type { Run } from './run.model.js';
import { toRun } from './run.view.js';

const CURSOR = 'runs';
const VALUES_MAX = 1_000;

/** Runs as they are read: always within what the viewer may see. */
@Injectable()
export class RunsService {
  constructor(
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    private readonly projects: ProjectsService,
  ) {}

  runsOf(viewer: Viewer) {
    return new Batch(async (ids: readonly string[]) => {
      const sound = ids.filter(isUuid);
      if (sound.length === 0) return new Map();
      const scope = await this.projects.scopeOf(viewer);
      return byKey(await findRuns(this.reader, scope, sound), (run) => run.id);
    });
  }

  bodiesOf(viewer: Viewer) {
    return new Batch(async (ids: readonly string[]) => {
      const scope = await this.projects.scopeOf(viewer);
      return byKey(await findRunBodies(this.reader, scope, ids), (bodies) => bodies.id);
    });
  }

  async list(
    project: ProjectRow,
    page: PageArgs,
    filter: RunFilter | null | undefined,
    order: RunOrder,
    job?: string,
  ): Promise<ConnectionOf<Run>> {
    const limit = pageSize(page.first);
    const [after] = decodeCursor(CURSOR, page.after, ([id]) => isUuid(id)) ?? [null];
    const wanted = await this.resolveFilter(project, filter ?? {}, job);
    const rows = await listRuns(this.reader, {
      project: project.id,
      filter: wanted,
      order,
      after: after as string | null,
      limit: limit + 1,
    });
    return pageOf(rows, limit, toRun, ({ id }) => encodeCursor(CURSOR, id));
  }

  /** Names of jobs to their ids; a deleted one has its own, so that its runs are found. */
  async jobIds(project: string, names: readonly string[]): Promise<string[]> {
    const { ids, unknown } = await this.namedJobs(project, names);
    const [first] = unknown;
    if (first === undefined) return ids;
    throw problem('NOT_FOUND', first.message, { path: first.path });
  }

  /** `unknown`: what no job is called, nor was. */
  async namedJobs(
    project: string,
    names: readonly string[],
  ): Promise<{ readonly ids: string[]; readonly unknown: readonly UserError[] }> {
    const jobs = names.length === 0 ? [] : await findJobsByName(this.reader, project, names);
    const known = new Set(jobs.map(({ name }) => name));
    const unknown = names.flatMap((name, i) => {
      const path = ['filter', 'jobs', String(i)];
      return known.has(name) ? [] : [notFoundError(path, `Job ${JSON.stringify(name)}`)];
    });
    return { ids: jobs.map(({ id }) => id), unknown };
  }

  /** As the database is asked: names are ids, and what cannot match is left out. */
  async resolveFilter(
    project: ProjectRow,
    filter: RunFilter,
    job?: string,
  ): Promise<RunListFilter> {
    for (const [name, value] of Object.entries(filter)) {
      if (Array.isArray(value) && value.length > VALUES_MAX) {
        throw problem('BAD_USER_INPUT', `filter.${name} has more than ${VALUES_MAX} values.`);
      }
    }
    const named = filter.jobs && (await this.jobIds(project.id, filter.jobs));
    const own = job === undefined ? undefined : [job];
    const jobs = named && own ? named.filter((id) => id === job) : (named ?? own);
    return {
      jobs,
      ids: filter.ids?.filter(isUuid),
      kinds: filter.kinds ?? undefined,
      states: filter.states ?? undefined,
      outcomes: filter.outcomes ?? undefined,
      // No name has what PostgreSQL refuses to look for: such a one matches nothing.
      executors: filter.executors?.filter((name) => !/[\p{Cc}\p{Surrogate}]/u.test(name)),
      labels: readLabelFilter(filter.labels),
      submittedAfter: filter.submittedAfter ?? undefined,
      submittedBefore: filter.submittedBefore ?? undefined,
      finishedAfter: filter.finishedAfter ?? undefined,
      finishedBefore: filter.finishedBefore ?? undefined,
      discarded: filter.discarded ?? undefined,
      isPaused: filter.paused ?? undefined,
      // What was retried is no dead letter, as the retry is it if it dies as well.
      retried: filter.retried ?? (filter.discarded === false ? false : undefined),
    };
  }
}

export function readLabelFilter(labels: unknown): Readonly<Record<string, string>> | undefined {
  if (labels === undefined || labels === null) return undefined;
  const isSound =
    isObject(labels) &&
    Object.entries(labels).every(
      ([key, text]) => typeof text === 'string' && !/[\p{Cc}\p{Surrogate}]/u.test(key + text),
    );
  if (isSound) return labels as Record<string, string>;
  const message = 'filter.labels is an object of texts, like {"team": "data"}.';
  throw problem('BAD_USER_INPUT', message, { path: ['filter', 'labels'] });
}
