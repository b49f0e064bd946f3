import { Inject, Injectable } from '@nestjs/common';
import type { Settings } from '#config';
import { type GivenEnd, type Millis, laneOf, partitionOf } from '#core';
import {
  type Installation,
  type JobRow,
  type NewRun,
  type ProjectRow,
  type Reader,
  findCached,
} from '#postgres';
import { parseJson, stringifyJson } from '#protocol';
import { ProjectsService } from '../../auth/projects.service.js';
import type { Viewer } from '../../auth/viewer.js';
import { GroupCommit } from '../../intake/group-commit.js';
import { Ids } from '../../intake/ids.js';
import type { IntakeItem } from '../../intake/item.js';
import { GATEWAY_READER } from '../../intake/hints.service.js';
import { cacheHash, dedupHash, dedupKeyOf } from '../../specification/keys.js';
import { defaultsOf, readWithDefaults } from '../../specification/defaults.js';
import { ParamsChecker } from '../../specification/params.js';
import { storedOf } from '../../specification/resolve.js';
import { INSTALLATION, SETTINGS } from '../../tokens.js';
import { JobsService, type ResolvedVersion } from '../job/jobs.service.js';
import {
  type Path,
  type UserError,
  findBrokenStrings,
  notFoundError,
} from '../schema/user-error.js';
import type { SubmitRunInput } from './run.inputs.js';
import { type ReadSubmission, readKey, readSubmission } from './submission.js';

export type Prepared =
  | { readonly ok: true; readonly item: IntakeItem & Required<Pick<IntakeItem, 'run'>> }
  | { readonly ok: false; readonly userErrors: readonly UserError[] };

interface Chosen extends ResolvedVersion {
  readonly job: JobRow | null;
  readonly version: number | null;
}
/** What was asked for by name, or which of the names does not exist. */
type Found = Chosen | { readonly missing: 'job' | 'jobVersion'; readonly what: string };
type FoundJobs = ReadonlyMap<string, Found>;

const OPERATION = 'submitRun';

/** From what was asked for to the rows of a run; every error of the input at once. */
@Injectable()
export class SubmitService {
  constructor(
    private readonly projects: ProjectsService,
    private readonly jobs: JobsService,
    private readonly ids: Ids,
    private readonly checker: ParamsChecker,
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(GATEWAY_READER) private readonly reader: Reader,
    readonly intake: GroupCommit,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** One request's submissions to a project: what they share is looked up once for all. */
  async prepare(
    viewer: Viewer,
    name: string,
    inputs: readonly SubmitRunInput[],
    pathOf: (i: number) => Path,
  ): Promise<Prepared[]> {
    const project = await this.projects.named(viewer, name);
    if (project === undefined) {
      const what = `Project ${JSON.stringify(name)}`;
      return inputs.map((input, i) => {
        const broken = findBrokenStrings(input, pathOf(i));
        const missing = [notFoundError([...pathOf(i), 'project'], what)];
        return { ok: false, userErrors: broken.length > 0 ? broken : missing };
      });
    }
    const jobs = await this.findJobs(project, inputs);
    const fresh = await this.projects.fresh(project);
    const prepared = inputs.map((input, i) => this.prepareOne(fresh, jobs, input, pathOf(i)));
    return await this.reuse(project.id, inputs, prepared);
  }

  /** Where an equal run has left its result, nothing is to be started. */
  private async reuse(
    project: string,
    inputs: readonly SubmitRunInput[],
    prepared: readonly Prepared[],
  ): Promise<Prepared[]> {
    const keys = prepared.map((each, i) => {
      if (!each.ok || inputs[i]?.fresh === true) return null;
      const { at, afterMs, cache } = each.item.run;
      // What is for later is not over now.
      return at === null && afterMs === null ? (cache ?? null) : null;
    });
    const wanted = keys.filter((key) => key !== null);
    if (wanted.length === 0) return [...prepared];
    const found = await findCached(this.reader, project, wanted);
    return prepared.map((each, i) => {
      const reusedFrom = found.get(keys[i] ?? '');
      if (!each.ok || reusedFrom === undefined) return each;
      const reason = `an equal run has left its result: ${reusedFrom}`;
      const end: GivenEnd = { as: 'SUCCEEDED', reason, by: null, result: null, reusedFrom };
      return { ok: true, item: { ...each.item, run: { ...each.item.run, given: end } } };
    });
  }

  private prepareOne(
    project: ProjectRow,
    jobs: FoundJobs,
    input: SubmitRunInput,
    path: Path,
  ): Prepared {
    const broken = findBrokenStrings(input, path);
    if (broken.length > 0) return { ok: false, userErrors: broken };
    const errors: UserError[] = [];
    const read = readSubmission(input, path, errors);
    const key = readKey(project.id, OPERATION, input, path, errors);
    const chosen = this.choose(project, jobs, input, path, errors);
    if (chosen?.specification.params !== undefined) {
      errors.push(...this.checkParams(chosen, read, path));
    }
    if (chosen === undefined) return { ok: false, userErrors: errors };
    const keys = keysOf(chosen, read, path, errors);
    if (errors.length > 0) return { ok: false, userErrors: errors };
    const row = this.rowOf(project.id, chosen, read);
    // Most share nothing, and to copy a row costs as much as to make it.
    const run = keys === undefined ? row : { ...row, ...keys };
    const specification = { project: project.id, ...chosen.stored };
    return { ok: true, item: { run, specification, ...(key === undefined ? {} : { key }) } };
  }

  /** Undefined: there are errors that say why not. */
  private choose(
    project: ProjectRow,
    jobs: FoundJobs,
    input: SubmitRunInput,
    path: Path,
    errors: UserError[],
  ): Chosen | undefined {
    const found = jobs.get(jobKey(input));
    if (found !== undefined) {
      if (!('missing' in found)) return found;
      errors.push(notFoundError([...path, found.missing], found.what));
      return undefined;
    }
    if (input.spec === undefined || input.spec === null) return undefined;
    const defaults = defaultsOf(project.defaults);
    const { silentAfterMs } = this.settings;
    const read = readWithDefaults(input.spec, defaults, [...path, 'spec'], silentAfterMs);
    if (!read.ok) {
      errors.push(...read.errors);
      return undefined;
    }
    const { specification } = read;
    const stored = storedOf(specification, { job: null, project: project.name });
    return { specification, stored, job: null, version: null };
  }

  /** By `jobKey`: every job and version that these name. */
  private async findJobs(
    project: ProjectRow,
    inputs: readonly SubmitRunInput[],
  ): Promise<FoundJobs> {
    const asked = new Map<string, SubmitRunInput>();
    for (const input of inputs) {
      if (input.job !== undefined && input.job !== null) asked.set(jobKey(input), input);
    }
    const find = async ([key, input]: [string, SubmitRunInput]): Promise<[string, Found]> => {
      return [key, await this.findJob(project, String(input.job), input.jobVersion)];
    };
    return new Map(await Promise.all([...asked].map(find)));
  }

  private async findJob(
    project: ProjectRow,
    name: string,
    asked: number | null | undefined,
  ): Promise<Found> {
    // Half a character finds nothing, and PostgreSQL would refuse to look for it.
    const job =
      findBrokenStrings(name).length > 0 ? undefined : await this.jobs.named(project.id, name);
    if (job === undefined) return { missing: 'job', what: `Job ${JSON.stringify(name)}` };
    const version = asked ?? job.version;
    const resolved = await this.jobs.resolve(project, job, version);
    if (resolved !== undefined) return { ...resolved, job, version };
    return { missing: 'jobVersion', what: `Version ${version} of job ${name}` };
  }

  private checkParams(chosen: Chosen, read: ReadSubmission, path: Path): UserError[] {
    const { hash } = chosen.stored;
    const schema = chosen.specification.params;
    // The schema is no part of the stored hash: two versions may differ in nothing else.
    const name = chosen.job === null ? `${hash}/${stringifyJson(schema)}` : versionName(chosen);
    const params = read.params === null ? null : parseJson(read.params);
    return this.checker.check(name, schema, params, [...path, 'params']);
  }

  private rowOf(project: string, chosen: Chosen, read: ReadSubmission) {
    const { specification, stored, job, version } = chosen;
    const { kind, need, pool } = specification;
    const id = this.ids.next();
    const priority = read.priority ?? specification.priority;
    const labels = { ...specification.labels, ...read.labels };
    const { deadlineMs } = specification;
    const ownMs: Millis | null = read.startDeadlineMs ?? specification.startDeadlineMs;
    // One instant stands in the row: it has to start by then, or to be over.
    const startDeadlineMs = ownMs === null ? deadlineMs : Math.min(ownMs, deadlineMs ?? ownMs);
    return {
      id,
      partition: partitionOf(id, this.installation.partitions),
      project,
      job: job?.id ?? null,
      jobVersion: version,
      spec: stored.hash,
      kind,
      pool,
      need,
      priority,
      lane: laneOf({ pool, need, project, priority }),
      at: read.at,
      afterMs: read.afterMs,
      startDeadlineMs,
      retryOf: null,
      params: read.params,
      labels: Object.keys(labels).length === 0 ? null : JSON.stringify(labels),
    };
  }
}

/** What it may share with other runs: one at a time, or one result. */
function keysOf(
  { specification, stored, job }: Chosen,
  read: ReadSubmission,
  path: Path,
  errors: UserError[],
): Pick<NewRun, 'dedup' | 'cache'> | undefined {
  const { dedup, cache } = specification;
  if (dedup === null && cache === null && read.dedupKey === null) return undefined;
  const key = dedupKeyOf(dedup, read.dedupKey, read.params, path, errors);
  return {
    ...(key === null ? {} : { dedup: dedupHash(job?.id ?? null, key) }),
    ...(cache === null ? {} : { cache: cacheHash(cache, stored.hash, read.params, path, errors) }),
  };
}

const jobKey = ({ job, jobVersion }: SubmitRunInput): string => `${jobVersion ?? ''}/${job ?? ''}`;
const versionName = ({ job, version }: Chosen): string => `${job?.id}/${version}`;
