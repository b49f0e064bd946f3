import { type Reader, uuidArray } from './reader.js';

export interface JobRow {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly version: number;
  readonly paused: boolean;
}

const COLUMNS = 'j.id, j.project, j.name, j.current as version, j.paused';
type Row = JobRow & Record<string, unknown>;

export async function findJobsByName(
  reader: Reader,
  project: string,
  names: readonly string[],
): Promise<JobRow[]> {
  return await reader.scoped<Row>(
    [project],
    `select ${COLUMNS} from job j where j.project = $2 and j.name = any ($3::text[])`,
    [project, names],
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
