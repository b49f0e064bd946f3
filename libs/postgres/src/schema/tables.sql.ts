/** Columns that a run has in `live` and in `history` alike. Times are UTC, rank is in ms. */
const RUN_COLUMNS = `
  id uuid not null,
  partition int2 not null,
  project uuid not null,
  job uuid,
  job_version int4,
  spec uuid not null,
  kind int2 not null,
  state int2 not null,
  pool text not null,
  need text not null,
  priority int2 not null,
  due timestamptz,
  expires timestamptz,
  submitted_at timestamptz not null,
  ready_at timestamptz,
  attempt int4 not null default 0,
  spent int4 not null default 0,
  retry_of uuid,
  dedup uuid,
  cache uuid,
  params bytea,
  labels bytea,
  record bytea`;

/**
 * The truth. No foreign keys on the hot tables; bodies are bytea, never interpreted.
 * live: what is not final. A row is written by the intake once and then by its partition's owner
 * alone. Its lane says which queue it stands in: 0 waits for a time (rank = due), above 15 may be
 * granted, null waits for something else. No index mentions the state.
 * open_attempt: beside a live row while an attempt of it is open. It says then what state the run
 * is in, and the live row stays as it was before: wide rows are written twice, narrow ones often.
 * run_now: a live row with its open attempt, which is how everybody reads.
 */
export const TABLES = `
set role orrery_owner;
set search_path = orrery;

create table installation (
  one boolean primary key default true check (one),
  format int4 not null,
  partitions int4 not null check (partitions between 1 and 4096),
  cluster text not null,
  life uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now());

create table partition (
  id int2 primary key,
  epoch int8 not null default 0,
  owner text,
  seq int8 not null default 0,
  wanted_by text, wanted_at timestamptz,
  claimed_at timestamptz, since timestamptz not null default now(),
  reason text,
  gave_up int2 not null default 0, gave_up_at timestamptz, gave_up_why text
) with (fillfactor = 20);

create table live (${RUN_COLUMNS},
  lane int8,
  rank int8 not null,
  taken boolean not null default false,
  primary key (id)) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index live_lane on live (partition, lane, rank, id) where lane is not null;
-- What a job's pause holds, and what a person does: few rows, so nothing else pays for it.
create index live_held on live (partition, job, id) where lane is null;
create index live_expires on live (partition, expires, id) where expires is not null;

create table open_attempt (
  partition int2 not null,
  run uuid not null,
  project uuid not null,
  state int2 not null,
  attempt int4 not null,
  spent int4 not null,
  executor text not null,
  incarnation int4 not null,
  epoch int8 not null,
  seq int8 not null,
  rank int8 not null,
  ready_at timestamptz not null,
  started_at timestamptz,
  record bytea not null,
  primary key (partition, run)) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

create view run_now with (security_invoker = true) as
  select l.id, l.partition, l.project, l.job, l.job_version, l.spec, l.kind,
    coalesce(o.state, l.state) as state, l.pool, l.need, l.priority, l.lane,
    l.rank as lane_rank, coalesce(o.rank, l.rank) as rank, l.due,
    l.expires, l.submitted_at, coalesce(o.ready_at, l.ready_at) as ready_at, o.started_at,
    coalesce(o.attempt, l.attempt) as attempt,
    coalesce(o.spent, l.spent) as spent, o.executor, o.incarnation, o.epoch, o.seq,
    l.retry_of, l.dedup, l.cache, l.params, l.labels, coalesce(o.record, l.record) as record,
    l.taken or o.run is not null as taken, o.run is not null as is_open
  from live l left join open_attempt o on o.partition = l.partition and o.run = l.id;

create table history (${RUN_COLUMNS},
  executor text,
  started_at timestamptz,
  outcome int2,
  finished_at timestamptz not null,
  drop_at timestamptz not null,
  result bytea,
  error bytea) partition by range (drop_at);

create index history_project on history (project, id);
create index history_dead on history (project, id) where state = 10;
-- Last: of indexes that cost the same, as all do of a partition that looks empty, it is taken.
alter table history add primary key (id, drop_at);
create table history_default partition of history default;

create table inbox (
  partition int2 not null,
  id uuid not null,
  kind int2 not null,
  ref uuid,
  payload bytea,
  tries int2 not null default 0,
  primary key (partition, id));

create table intake (
  id uuid primary key,
  at timestamptz not null default now(),
  -- Of the runs that were not made: the one that held the key.
  folds text);

create table answer (
  command uuid primary key,
  partition int2 not null,
  outcome bytea not null,
  at timestamptz not null default now());

create table journal (
  partition int2 not null,
  seq int8 not null,
  n int4 not null,
  at timestamptz not null,
  events bytea not null,
  primary key (partition, seq, at)) partition by range (at);
create table journal_default partition of journal default;

create table idempotency (
  project uuid not null,
  operation text not null,
  key text not null,
  hash uuid not null,
  ref uuid not null,
  expires timestamptz not null,
  primary key (project, operation, key));

-- Who holds a dedup key, and whose result stands for all that ask for the same; keys are hashes.
create table dedup (
  project uuid not null,
  key uuid not null,
  run uuid not null,
  primary key (project, key));
create table result_cache (
  project uuid not null,
  key uuid not null,
  run uuid not null,
  expires timestamptz not null,
  primary key (project, key));
create index result_cache_expires on result_cache (expires);

-- An action on many runs. state: 0 under way, 1 done, 2 failed, 3 cancelled; cursor: the last run
-- it has met; slow: how often in a row the database took too long for the next ones.
create table bulk (
  id uuid primary key,
  project uuid not null,
  request text not null,
  by text not null,
  last uuid not null,
  matched int4 not null,
  applied int4 not null default 0,
  refused int4 not null default 0,
  cursor uuid not null default '00000000-0000-0000-0000-000000000000',
  batch uuid,
  state int2 not null,
  holder text not null,
  lease_until timestamptz not null,
  failure text,
  slow int4 not null default 0,
  stopped_by text,
  stop_reason text,
  at timestamptz not null,
  finished_at timestamptz);
create index bulk_running on bulk (lease_until) where state = 0;
create index bulk_project on bulk (project) where state = 0;
create index bulk_newest on bulk (project, id);

-- Final runs that somebody has seen to: retries of them were made, the newest first, or a dead
-- letter was discarded (by, reason and at).
create table follow_up (
  run uuid primary key,
  project uuid not null,
  retries uuid[] not null default '{}',
  by text,
  reason text,
  at timestamptz,
  drop_at timestamptz not null);
create index follow_up_drop_at on follow_up (drop_at);

create table executor (
  id text primary key,
  partition int2 not null,
  pool text not null,
  state int2 not null,
  incarnation int4 not null,
  since timestamptz not null,
  closed int2,
  empty_by timestamptz,
  record bytea not null);
create index executor_partition on executor (partition);
create index executor_closed on executor (id) where closed is not null;

create table aside (
  id uuid primary key,
  partition int2 not null,
  run uuid,
  kind text not null,
  bytes bytea,
  error text not null,
  at timestamptz not null default now());
create index aside_run on aside (run) where run is not null;

create sequence log_seq;
create table log_chunk (
  day date not null,
  run uuid not null,
  attempt int4 not null,
  stream int2 not null,
  "offset" int8 not null,
  at timestamptz not null default now(),
  project uuid not null,
  body bytea not null,
  bytes int4 not null,
  gap int8,
  seq int8 not null default nextval('log_seq'),
  primary key (run, attempt, stream, "offset", day)) partition by range (day);
create index log_chunk_arrival on log_chunk (run, seq, attempt);
create table log_chunk_default partition of log_chunk default;
`;

/** Definitions and administration: TypeORM entities mirror these tables. */
export const DEFINITION_TABLES = `
create table project (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  description text,
  -- JSON text: what jobs that say nothing go by.
  defaults text not null default '{}',
  created_at timestamptz not null default now());

create table specification (
  project uuid not null,
  hash uuid not null,
  body bytea not null,
  policy bytea not null,
  primary key (project, hash));

create table job (
  id uuid primary key default gen_random_uuid(),
  project uuid not null references project,
  name text not null,
  current int4 not null,
  paused boolean not null default false,
  paused_by text,
  paused_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  unique (project, name));

create index job_paused on job (id) where paused;

create table job_version (
  project uuid not null references project,
  job uuid not null references job,
  version int4 not null,
  hash uuid not null,
  spec text not null,
  created_at timestamptz not null default now(),
  created_by text not null,
  primary key (job, version));

create table api_key (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  prefix text not null,
  hash bytea not null unique,
  role text not null,
  projects uuid[],
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz);
`;
