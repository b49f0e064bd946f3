import { JOB_KINDS, type JobKind, OUTCOMES, type Outcome, RUN_STATES, type RunState } from '#core';
import { type Reader, ms, utf8, uuidArray } from './reader.js';

/** A run as it is read: live and final alike, without its bodies. Times in milliseconds. */
export interface RunRow {
  readonly id: string;
  readonly partition: number;
  readonly project: string;
  readonly job: string | null;
  readonly jobVersion: number | null;
  /** The hash of its specification. */
  readonly spec: string;
  readonly kind: JobKind;
  readonly state: RunState;
  readonly outcome: Outcome | null;
  readonly pool: string;
  readonly need: string;
  readonly priority: number;
  readonly due: number | null;
  readonly expires: number | null;
  readonly submittedAt: number;
  readonly readyAt: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly attempt: number;
  readonly executor: string | null;
  readonly retryOf: string | null;
  /** Hashes (libs/core, RunFacts). */
  readonly dedup: string | null;
  readonly cache: string | null;
  /** false: written, and not yet taken in by its partition's owner. */
  readonly taken: boolean;
  /** While it waits for a time. */
  readonly waitsUntil: number | null;
  /** JSON texts. */
  readonly labels: string | null;
  readonly record: string | null;
  readonly error: string | null;
  /** When, by whom and why a dead letter was discarded. */
  readonly discarded: Discarded | null;
  /** The runs that were made to try it again, the newest first. */
  readonly retries: readonly string[];
}
export interface Discarded {
  readonly at: number;
  readonly by: string;
  readonly reason: string;
}

type Seen = Pick<RunRow, 'discarded' | 'retries'>;
type Raw = Omit<RunRow, 'kind' | 'state' | 'outcome' | keyof Seen> & {
  kind: number;
  state: number;
  outcome: number | null;
  seen: Seen | null;
  [column: string]: unknown;
};

const COMMON = `r.id, r.partition, r.project, r.job, r.job_version as "jobVersion", r.spec, r.kind,
  r.state, r.pool, r.need, r.priority, ${ms('r.due')} as due, ${ms('r.expires')} as expires,
  ${ms('r.submitted_at')} as "submittedAt", ${ms('r.ready_at')} as "readyAt",
  ${ms('r.started_at')} as "startedAt", r.attempt, r.executor, r.retry_of as "retryOf",
  r.dedup, r.cache,
  ${utf8('r.labels')} as labels, ${utf8('r.record')} as record`;
export const LIVE_COLUMNS = `${COMMON}, null::int2 as outcome, null::float8 as "finishedAt",
  r.taken, case when r.lane = 0 and not r.is_open then r.rank::float8 end as "waitsUntil",
  null::text as error, null::json as seen`;
export const HISTORY_COLUMNS = `${COMMON}, r.outcome, ${ms('r.finished_at')} as "finishedAt",
  true as taken, null::float8 as "waitsUntil", ${utf8('r.error')} as error,
  (select json_build_object('retries', f.retries, 'discarded', case when f.by is not null then
      json_build_object('at', ${ms('f.at')}, 'by', f.by, 'reason', f.reason) end)
    from follow_up f where f.run = r.id) as seen`;

const named = <T>(names: readonly T[], code: number): T => {
  const name = names[code];
  if (name === undefined) throw new Error(`unknown code ${code}: written by a newer version?`);
  return name;
};

const UNSEEN: Seen = { discarded: null, retries: [] };

export function toRun({ seen, ...row }: Raw): RunRow {
  return {
    ...row,
    ...(seen ?? UNSEEN),
    kind: named(JOB_KINDS, row.kind),
    state: named(RUN_STATES, row.state),
    outcome: row.outcome === null ? null : named(OUTCOMES, row.outcome),
  };
}
export type RawRun = Raw;

/** By id, wherever they are: one statement is one snapshot, so a run that moves is seen once. */
export async function findRuns(
  reader: Reader,
  projects: readonly string[],
  ids: readonly string[],
): Promise<RunRow[]> {
  const rows = await reader.scoped<Raw>(
    projects,
    `select ${LIVE_COLUMNS} from run_now r where r.id = any ($2::uuid[])
      union all
      select ${HISTORY_COLUMNS} from history r where r.id = any ($2::uuid[])`,
    [uuidArray(ids)],
  );
  return rows.map(toRun);
}

/** What a run's row says and its events do not. */
export interface RunTraitsRow {
  readonly id: string;
  readonly kind: JobKind;
  readonly submittedAt: number;
  readonly labels: Readonly<Record<string, string>>;
}

export async function findRunTraits(
  reader: Reader,
  project: string,
  ids: readonly string[],
): Promise<RunTraitsRow[]> {
  const columns = `r.id, r.kind, ${ms('r.submitted_at')} as "submittedAt",
    ${utf8('r.labels')} as labels`;
  type Traits = { id: string; kind: number; submittedAt: number; labels: string | null };
  const rows = await reader.scoped<Traits>(
    [project],
    `select ${columns} from live r where r.id = any ($2::uuid[])
      union all
      select ${columns} from history r where r.id = any ($2::uuid[])`,
    [uuidArray(ids)],
  );
  return rows.map(({ kind, labels, ...row }) => ({
    ...row,
    kind: named(JOB_KINDS, kind),
    labels: labels === null ? {} : (JSON.parse(labels) as Record<string, string>),
  }));
}

export interface RunBodies {
  readonly id: string;
  /** JSON texts. */
  readonly params: string | null;
  readonly result: string | null;
}

export async function findRunBodies(
  reader: Reader,
  projects: readonly string[],
  ids: readonly string[],
): Promise<RunBodies[]> {
  return await reader.scoped<RunBodies & Record<string, unknown>>(
    projects,
    `select r.id, ${utf8('r.params')} as params, null::text as result
      from live r where r.id = any ($2::uuid[])
      union all
      select r.id, ${utf8('r.params')}, ${utf8('r.result')}
      from history r where r.id = any ($2::uuid[])`,
    [uuidArray(ids)],
  );
}

/** What a run is made of, as texts of JSON. */
export interface SpecificationTexts {
  readonly body: string;
  readonly policy: string;
}

export async function findSpecification(
  reader: Reader,
  project: string,
  hash: string,
): Promise<SpecificationTexts | undefined> {
  const [row] = await reader.scoped<SpecificationTexts & Record<string, unknown>>(
    [project],
    `select ${utf8('s.body')} as body, ${utf8('s.policy')} as policy
      from specification s where s.project = $2 and s.hash = $3`,
    [project, hash],
  );
  return row;
}
