import { randomUUID } from 'node:crypto';
import { And, type EntityManager, In, IsNull, LessThan, MoreThan } from 'typeorm';
import type { Definitions } from './definitions.js';
import { JobEntity, JobVersionEntity } from './job.entity.js';
import { isUniqueViolation } from './projects.js';

export interface JobName {
  readonly project: string;
  readonly name: string;
}
export interface JobApplication extends JobName {
  /** JSON text, and the hash of its canonical form. */
  readonly spec: string;
  readonly hash: string;
  /** 0: it must not exist yet. */
  readonly expectedVersion: number | null;
  readonly by: string;
}
export type Applied =
  | { readonly kind: 'applied'; readonly job: JobEntity; readonly changed: boolean }
  | { readonly kind: 'conflict'; readonly actual: number };

/**
 * Creates the job or gives it a version; an equal specification changes nothing. A deleted job
 * comes back, always with a version of its own.
 */
export async function applyJob(
  definitions: Definitions,
  application: JobApplication,
): Promise<Applied> {
  const attempt = (): Promise<Applied> =>
    definitions.within([application.project], (manager) => applyWith(manager, application));
  try {
    return await attempt();
  } catch (error) {
    // Two first applies at once: the second finds the job that the first made.
    if (isUniqueViolation(error)) return await attempt();
    throw error;
  }
}

async function applyWith(manager: EntityManager, application: JobApplication): Promise<Applied> {
  const { project, name, spec, hash, expectedVersion, by } = application;
  const job = await lockJob(manager, project, name);
  const actual = isThere(job) ? job.current : 0;
  if (expectedVersion !== null && expectedVersion !== actual) return { kind: 'conflict', actual };
  if (isThere(job) && (await versionOf(manager, job, actual))?.hash === hash) {
    return { kind: 'applied', job, changed: false };
  }
  const next = job ?? manager.create(JobEntity, { id: randomUUID(), project, name, current: 0 });
  return {
    kind: 'applied',
    job: await addVersion(manager, next, { spec, hash, by }),
    changed: true,
  };
}

export interface JobRollback extends JobName {
  readonly toVersion: number;
  readonly by: string;
}
export type RolledBack =
  | { readonly kind: 'applied'; readonly job: JobEntity; readonly changed: boolean }
  | { readonly kind: 'no-job' }
  | { readonly kind: 'no-version'; readonly newest: number };

/** A new version equal to an earlier one: history only grows, so a rollback can be rolled back. */
export async function rollbackJob(
  definitions: Definitions,
  rollback: JobRollback,
): Promise<RolledBack> {
  const { project, name, toVersion, by } = rollback;
  return await definitions.within([project], async (manager) => {
    const job = await lockJob(manager, project, name);
    if (!isThere(job)) return { kind: 'no-job' };
    const wanted = await versionOf(manager, job, toVersion);
    if (wanted === null) return { kind: 'no-version', newest: job.current };
    const current = await versionOf(manager, job, job.current);
    if (current?.hash === wanted.hash) return { kind: 'applied', job, changed: false };
    const { spec, hash } = wanted;
    return {
      kind: 'applied',
      job: await addVersion(manager, job, { spec, hash, by }),
      changed: true,
    };
  });
}

export interface JobHold extends JobName {
  readonly paused: boolean;
  readonly by: string;
  readonly reason: string | null;
  /** Of the rows that tell the partitions, one each. */
  readonly ids: readonly string[];
}

/** Undefined: there is no such job. A deleted one is found as long as it holds its runs. */
export async function holdJob(
  definitions: Definitions,
  hold: JobHold,
): Promise<{ readonly job: JobEntity; readonly changed: boolean } | undefined> {
  const { project, name, paused, by, reason, ids } = hold;
  return await definitions.within([project], async (manager) => {
    const [done] = await manager.query<{ job: string | null; changed: boolean }[]>(
      'select job, changed from hold_job($1, $2, $3, $4, $5, $6::uuid[])',
      [project, name, paused, by, reason, `{${ids.join(',')}}`],
    );
    if (done === undefined || done.job === null) return undefined;
    const job = await manager.findOneByOrFail(JobEntity, { id: done.job });
    return { job, changed: done.changed };
  });
}

/** Undefined: there is no such job. Its runs, versions and name stay. */
export async function deleteJob(
  definitions: Definitions,
  { project, name }: JobName,
): Promise<JobEntity | undefined> {
  return await definitions.within([project], async (manager) => {
    const job = await lockJob(manager, project, name);
    if (!isThere(job)) return undefined;
    return await manager.save(Object.assign(job, { deletedAt: new Date() }));
  });
}

const isThere = (job: JobEntity | null): job is JobEntity => job !== null && job.deletedAt === null;

/** Whoever changes a job holds its row: versions are counted one after the other. */
async function lockJob(
  manager: EntityManager,
  project: string,
  name: string,
): Promise<JobEntity | null> {
  const lock = { mode: 'pessimistic_write' } as const;
  return await manager.findOne(JobEntity, { where: { project, name }, lock });
}

async function versionOf(
  manager: EntityManager,
  { id: job }: JobEntity,
  version: number,
): Promise<JobVersionEntity | null> {
  return await manager.findOneBy(JobVersionEntity, { job, version });
}

async function addVersion(
  manager: EntityManager,
  job: JobEntity,
  { spec, hash, by }: Pick<JobApplication, 'spec' | 'hash' | 'by'>,
): Promise<JobEntity> {
  const version = job.current + 1;
  const next = await manager.save(Object.assign(job, { current: version, deletedAt: null }));
  const { id, project } = next;
  await manager.insert(JobVersionEntity, { project, job: id, version, hash, spec, createdBy: by });
  return next;
}

export interface JobPage {
  readonly project: string;
  /** Only these. */
  readonly names: readonly string[] | null;
  /** Names in order; the page begins after this one. */
  readonly after: string | null;
  readonly limit: number;
}

export async function listJobs(definitions: Definitions, page: JobPage): Promise<JobEntity[]> {
  const { project, names, after, limit } = page;
  const isNamed = names === null ? [] : [In([...names])];
  return await definitions.within([project], (manager) =>
    manager.find(JobEntity, {
      where: { project, name: And(MoreThan(after ?? ''), ...isNamed), deletedAt: IsNull() },
      order: { name: 'ASC' },
      take: limit,
    }),
  );
}

export interface JobVersionPage {
  readonly project: string;
  readonly job: string;
  /** Newest first; the page begins below this one. */
  readonly before: number | null;
  readonly limit: number;
}

export async function listJobVersions(
  definitions: Definitions,
  page: JobVersionPage,
): Promise<JobVersionEntity[]> {
  const { project, job, before, limit } = page;
  return await definitions.within([project], (manager) =>
    manager.find(JobVersionEntity, {
      where: before === null ? { job } : { job, version: LessThan(before) },
      order: { version: 'DESC' },
      take: limit,
    }),
  );
}
