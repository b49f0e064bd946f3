const tenant = (table: string): string => `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy writer on ${table} to orrery_writer, orrery_owner using (true) with check (true);
create policy reader on ${table} for select to orrery_gateway_read, orrery_gateway_define
  using (project = any (nullif(current_setting('orrery.projects', true), '')::uuid[]));
`;
const definer = (table: string): string => `
create policy definer on ${table} for all to orrery_gateway_define
  using (project = any (nullif(current_setting('orrery.projects', true), '')::uuid[]))
  with check (project = any (nullif(current_setting('orrery.projects', true), '')::uuid[]));
`;

/** Row-level security on every tenant table; nothing is granted on child partitions. */
export const POLICIES = `
${[
  'live',
  'open_attempt',
  'history',
  'specification',
  'job',
  'job_version',
  'log_chunk',
  'idempotency',
  'dedup',
  'follow_up',
  'bulk',
  'result_cache',
]
  .map(tenant)
  .join('')}
${['job', 'job_version', 'specification'].map(definer).join('')}
alter table project enable row level security;
alter table project force row level security;
create policy writer on project to orrery_writer, orrery_owner using (true) with check (true);
create policy reader on project for select to orrery_gateway_read, orrery_gateway_define
  using (id = any (nullif(current_setting('orrery.projects', true), '')::uuid[]));

grant select, insert, update, delete on live, open_attempt, history, inbox, intake, answer,
  journal, idempotency, dedup, follow_up, bulk, result_cache, executor, aside, log_chunk,
  partition, node, cluster_event, specification to orrery_writer;
grant usage on sequence log_seq to orrery_writer;
grant select on run_now, installation, project, job, job_version to orrery_writer;
grant update (paused, paused_by, paused_reason, updated_at) on job to orrery_writer;
grant select on live, open_attempt, run_now, history, follow_up, result_cache, specification, job,
  job_version, project, log_chunk to orrery_gateway_read, orrery_gateway_define;
grant select on bulk, idempotency to orrery_gateway_read;
grant select on executor, partition, node, cluster_event, installation, answer, aside
  to orrery_gateway_read;
create policy founder on project for insert to orrery_gateway_define with check (true);
create policy keeper on project for update to orrery_gateway_define
  using (id = any (nullif(current_setting('orrery.projects', true), '')::uuid[]));
grant update (description, defaults) on project to orrery_gateway_define;
grant insert on project, job_version, specification to orrery_gateway_define;
grant insert, update on job to orrery_gateway_define;
grant select, insert, update on api_key to orrery_gateway_define;
grant select on installation to orrery_intake, orrery_scheduler, orrery_feed,
  orrery_gateway_define;
grant select on journal, partition to orrery_feed;
`;
