import { randomUUID } from 'node:crypto';
import { And, type EntityManager, In, LessThan, MoreThan } from 'typeorm';
import type { Definitions } from './definitions.js';
import { JobEntity, JobVersionEntity } from './job.entity.js';
import { isUniqueViolation } from './projects.js';

export interface JobApplication {
  readonly project: string;
  readonly name: string;
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

/** Creates the job or gives it a version; an equal specification changes nothing. */
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
  const job = await manager.findOne(JobEntity, {
    where: { project, name },
    lock: { mode: 'pessimistic_write' },
  });
  const actual = job?.current ?? 0;
  if (expectedVersion !== null && expectedVersion !== actual) return { kind: 'conflict', actual };
  if (job !== null) {
    const current = await manager.findOneBy(JobVersionEntity, { job: job.id, version: actual });
    if (current?.hash === hash) return { kind: 'applied', job, changed: false };
  }
  const next = await manager.save(
    job === null
      ? manager.create(JobEntity, { id: randomUUID(), project, name, current: 1 })
      : Object.assign(job, { current: actual + 1 }),
  );
  const version = { project, job: next.id, version: next.current, hash, spec, createdBy: by };
  await manager.insert(JobVersionEntity, version);
  return { kind: 'applied', job: next, changed: true };
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
      where: { project, name: And(MoreThan(after ?? ''), ...isNamed) },
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
