import { NAME_PATTERN } from '#protocol';
import { type Reader, ms, uuidArray } from './reader.js';

export interface JobRow {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly version: number;
  readonly paused: boolean;
  readonly pausedBy: string | null;
  readonly pausedReason: string | null;
  /** A deleted one is still read: its runs show it. */
  readonly deletedAt: number | null;
}

const COLUMNS = `j.id, j.project, j.name, j.current as version, j.paused,
  j.paused_by as "pausedBy", j.paused_reason as "pausedReason",
  ${ms('j.deleted_at')} as "deletedAt"`;
type Row = JobRow & Record<string, unknown>;

/** Deleted ones as well: their runs are found by their name. */
export async function findJobsByName(
  reader: Reader,
  project: string,
  names: readonly string[],
): Promise<JobRow[]> {
  return await reader.scoped<Row>(
    [project],
    `select ${COLUMNS} from job j where j.project = $2 and j.name = any ($3::text[])`,
    // PostgreSQL takes not every text, and one that it refuses would spoil the others' read.
    [project, names.filter((name) => NAME_PATTERN.test(name))],
  );
}

export async function findJobs(
  reader: Reader,
  projects: readonly string[],
  ids: readonly string[],
): Promise<JobRow[]> {
  return await reader.scoped<Row>(
    projects,
    `select ${COLUMNS} from job j where j.id = any ($2::uuid[])`,
    [uuidArray(ids)],
  );
}

export interface JobVersionRef {
  readonly job: string;
  readonly version: number;
}
export interface JobSpecRow extends JobVersionRef {
  /** JSON text. */
  readonly spec: string;
}

/** Specifications by version: they never change. */
export async function findJobSpecs(
  reader: Reader,
  projects: readonly string[],
  refs: readonly JobVersionRef[],
): Promise<JobSpecRow[]> {
  return await reader.scoped<JobSpecRow & Record<string, unknown>>(
    projects,
    `select v.job, v.version, v.spec from unnest($2::uuid[], $3::int4[]) x(job, version)
      join job_version v on v.job = x.job and v.version = x.version`,
    [uuidArray(refs.map((ref) => ref.job)), `{${refs.map((ref) => ref.version).join(',')}}`],
  );
}
