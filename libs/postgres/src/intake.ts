import {
  type Asked,
  type GivenEnd,
  JOB_KINDS,
  type JobKind,
  type Millis,
  type Policy,
  type RunRecord,
} from '#core';
import { Columns, type Parameter, callText, positions } from './columns.js';
import type { Connection } from './connection.js';
import { INTAKE_PARAMETERS } from './functions/intake.sql.js';

/** A submission, ready to be written: validated, with its id and partition decided. */
export interface NewRun {
  readonly id: string;
  readonly partition: number;
  readonly project: string;
  readonly job: string | null;
  readonly jobVersion: number | null;
  readonly spec: string;
  readonly kind: JobKind;
  readonly pool: string;
  readonly need: string;
  readonly priority: number;
  readonly lane: string;
  /** Not before this time, or not before this long from now; by the database's clock. */
  readonly at: Millis | null;
  readonly afterMs: Millis | null;
  readonly startDeadlineMs: Millis | null;
  readonly retryOf: string | null;
  /** Absent: whatever became of that run before. */
  readonly retryIf?: RetryIf;
  /** JSON texts. */
  readonly params: string | null;
  readonly labels: string | null;
  /** Hashes: the key that only one run may hold, and what its result is kept under. */
  readonly dedup?: string | null;
  readonly cache?: string | null;
  readonly given?: GivenEnd;
  readonly asked?: Asked;
}
/** One of many is made only of a run that nobody has seen to, or as it was asked for. */
export interface RetryIf {
  /** Also if it was discarded, or retried, already. */
  readonly discarded: boolean;
  readonly retried: boolean;
}
export interface NewCommand {
  readonly id: string;
  readonly partition: number;
  readonly kind: number;
  readonly ref: string;
  readonly payload: string;
}
export interface KeyClaim {
  readonly project: string;
  readonly operation: string;
  readonly key: string;
  readonly hash: string;
  /** The id of the run or command that is written when the key is won. */
  readonly ref: string;
}
export interface NewSpecification {
  readonly project: string;
  readonly hash: string;
  /** JSON texts: what the executor needs, and what the owner decides by. */
  readonly body: string;
  readonly policy: Policy;
}
export interface IntakeBatch {
  readonly id: string;
  readonly specifications: readonly NewSpecification[];
  readonly runs: readonly NewRun[];
  readonly commands: readonly NewCommand[];
  readonly keys: readonly KeyClaim[];
  /** All or nothing: a key that stands for another request refuses the whole batch (OR004). */
  readonly strict?: boolean;
}
export interface Replay {
  readonly ref: string;
  readonly winner: string;
  readonly hash: string;
}
export interface Taken {
  /** The time of the batch, by the database's clock: `submittedAt` of its runs. */
  readonly at: Millis;
  /** By the `ref` that lost. */
  readonly replays: ReadonlyMap<string, Replay>;
  /** By the run that was not made: who holds its dedup key, or has retried the same run before. */
  readonly folds: ReadonlyMap<string, string>;
}

const KIND_CODE: ReadonlyMap<JobKind, number> = new Map(JOB_KINDS.map((kind, i) => [kind, i]));
export const INTAKE_CALL = callText('intake_batch', INTAKE_PARAMETERS);
const AT = positions(INTAKE_PARAMETERS);

export function encodeIntake(batch: IntakeBatch): Parameter[] {
  const columns = new Columns(INTAKE_PARAMETERS);
  columns.push(AT.batch, batch.id);
  for (const spec of batch.specifications) {
    columns.push(AT.s_project, spec.project);
    columns.push(AT.s_hash, spec.hash);
    columns.push(AT.s_body, spec.body);
    columns.push(AT.s_policy, JSON.stringify(spec.policy));
  }
  for (const run of batch.runs) pushRun(columns, run);
  for (const command of batch.commands) {
    columns.push(AT.c_id, command.id);
    columns.push(AT.c_partition, command.partition);
    columns.push(AT.c_kind, command.kind);
    columns.push(AT.c_ref, command.ref);
    columns.push(AT.c_payload, command.payload);
  }
  for (const key of batch.keys) {
    columns.push(AT.k_project, key.project);
    columns.push(AT.k_operation, key.operation);
    columns.push(AT.k_key, key.key);
    columns.push(AT.k_hash, key.hash);
    columns.push(AT.k_ref, key.ref);
  }
  if (batch.strict === true) columns.push(AT.strict, true);
  return columns.values();
}

function pushRun(columns: Columns, run: NewRun): void {
  columns.push(AT.r_id, run.id);
  columns.push(AT.r_partition, run.partition);
  columns.push(AT.r_project, run.project);
  columns.push(AT.r_job, run.job);
  columns.push(AT.r_version, run.jobVersion);
  columns.push(AT.r_spec, run.spec);
  columns.push(AT.r_kind, KIND_CODE.get(run.kind));
  columns.push(AT.r_pool, run.pool);
  columns.push(AT.r_need, run.need);
  columns.push(AT.r_priority, run.priority);
  columns.push(AT.r_lane, run.lane);
  columns.push(AT.r_at, run.at);
  columns.push(AT.r_after, run.afterMs);
  columns.push(AT.r_deadline, run.startDeadlineMs);
  columns.push(AT.r_retry_of, run.retryOf);
  columns.push(AT.r_params, run.params);
  columns.push(AT.r_labels, run.labels);
  if (run.retryOf !== null) pushRetry(columns, run, run.retryOf);
  const { dedup, cache, given, asked } = run;
  const isPlain = given === undefined && asked === undefined;
  if (dedup === undefined && cache === undefined && isPlain) return;
  columns.push(AT.x_id, run.id);
  columns.push(AT.x_project, run.project);
  columns.push(AT.x_dedup, dedup);
  columns.push(AT.x_cache, cache);
  const record: RunRecord = {
    attempts: [],
    seqs: [],
    ...(given === undefined ? {} : { given }),
    ...(asked === undefined ? {} : { asked }),
  };
  columns.push(AT.x_record, isPlain ? null : JSON.stringify(record));
}

function pushRetry(columns: Columns, { id, retryIf }: NewRun, retryOf: string): void {
  columns.push(AT.t_run, retryOf);
  columns.push(AT.t_retry, id);
  columns.push(AT.t_discarded, Number(retryIf?.discarded ?? true));
  columns.push(AT.t_retried, Number(retryIf?.retried ?? true));
}

interface IntakeRow {
  at: number;
  replays: string | null;
  folds: string | null;
  [column: string]: unknown;
}

/** Repeating a batch under its id is safe: it answers what the first one did. */
export async function intakeBatch(connection: Connection, batch: IntakeBatch): Promise<Taken> {
  const [row] = await connection.query<IntakeRow>('intake_batch', INTAKE_CALL, encodeIntake(batch));
  if (row === undefined) throw new Error('the intake answered no row');
  const replays = new Map<string, Replay>();
  const lost = JSON.parse(row.replays ?? '[]') as [string, string, string][];
  for (const [ref, winner, hash] of lost) replays.set(ref, { ref, winner, hash });
  const folds = new Map(JSON.parse(row.folds ?? '[]') as [string, string][]);
  return { at: row.at, replays, folds };
}
