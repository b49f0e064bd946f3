import { body, items, time } from './separators.js';

/** Of a run so many retries are known, the newest ones. */
const RETRIES_MAX = 20;

export const INTAKE_PARAMETERS = [
  ['batch', 'uuid'],
  // specifications that this gateway has not yet stored
  ['s_project', 'uuid[]'],
  ['s_hash', 'uuid[]'],
  ['s_body', 'text'],
  ['s_policy', 'text'],
  // runs
  ['r_id', 'uuid[]'],
  ['r_partition', 'int2[]'],
  ['r_project', 'uuid[]'],
  ['r_job', 'uuid[]'],
  ['r_version', 'int4[]'],
  ['r_spec', 'uuid[]'],
  ['r_kind', 'int2[]'],
  ['r_pool', 'text'],
  ['r_need', 'text'],
  ['r_priority', 'int2[]'],
  ['r_lane', 'int8[]'],
  ['r_at', 'float8[]'],
  ['r_after', 'float8[]'],
  ['r_deadline', 'float8[]'],
  ['r_retry_of', 'uuid[]'],
  ['r_params', 'text'],
  ['r_labels', 'text'],
  // what only some of the runs have: keys, and a record to begin with
  ['x_id', 'uuid[]'],
  ['x_project', 'uuid[]'],
  ['x_dedup', 'uuid[]'],
  ['x_cache', 'uuid[]'],
  ['x_record', 'text'],
  // retries: of which run, and whether (1) it may be discarded or retried already
  ['t_run', 'uuid[]'],
  ['t_retry', 'uuid[]'],
  ['t_discarded', 'int2[]'],
  ['t_retried', 'int2[]'],
  // commands to runs
  ['c_id', 'uuid[]'],
  ['c_partition', 'int2[]'],
  ['c_kind', 'int2[]'],
  ['c_ref', 'uuid[]'],
  ['c_payload', 'text'],
  // idempotency keys; `ref` is the id of the run or command above
  ['k_project', 'uuid[]'],
  ['k_operation', 'text'],
  ['k_key', 'text'],
  ['k_hash', 'uuid[]'],
  ['k_ref', 'uuid[]'],
  // all or nothing: a key that stands for another request refuses the whole batch
  ['strict', 'bool'],
] as const;

/**
 * Dedup keys (2.4): the first of a key makes its run, and whoever comes later is folded into that.
 * A key that is held is locked, so that the run cannot give it back while it is our answer.
 */
const FOLD = `
  if x_id is not null then
    insert into dedup as d (project, key, run)
      select distinct on (x.project, x.key) x.project, x.key, x.run
      from unnest(x_project, x_dedup, x_id) with ordinality x(project, key, run, n)
      where x.key is not null and x.run <> all (losers)
      order by x.project, x.key, x.n
      on conflict (project, key) do update set run = d.run where false;
    select array_agg(x.run), json_agg(json_build_array(x.run, d.run))::text into folded, folds
      from unnest(x_project, x_dedup, x_id) x(project, key, run)
      join dedup d on d.project = x.project and d.key = x.key
      where d.run <> x.run and x.run <> all (losers);
    if folded is not null then
      -- A retry that is refused for it was not made: its key is free for another try.
      delete from idempotency i
        using unnest(k_project, ${items('k_operation')}, ${items('k_key')}, k_ref)
          k(project, operation, key, ref)
        where i.project = k.project and i.operation = k.operation and i.key = k.key
          and k.operation = 'retryRun' and k.ref = any (folded);
      update idempotency i set ref = d.run
        from unnest(k_project, ${items('k_operation')}, ${items('k_key')}, k_ref)
            k(project, operation, key, ref)
          join unnest(x_project, x_dedup, x_id) x(project, key, run) on x.run = k.ref
          join dedup d on d.project = x.project and d.key = x.key
        where i.project = k.project and i.operation = k.operation and i.key = k.key
          and k.ref = any (folded);
      losers := losers || folded;
    end if;
  end if;
`;

/**
 * Retries (1.2): said of the old run in the commit that makes the new one, so a letter leaves the
 * list exactly then. Of many at once that want it to be the first, one is; the others are not made,
 * as if they were folded into that. Behind FOLD: what was folded is no retry. Rows are locked
 * behind dedup keys and in order, as the owner does it.
 */
const FOLLOW_UP = `
  if t_run is not null then
    insert into follow_up as f (run, project, drop_at)
      select h.id, h.project, h.drop_at
      from (select distinct x.run from unnest(t_run, t_retry) x(run, retry)
        where x.retry <> all (losers)) x
      cross join lateral (select * from history r where r.id = x.run limit 1) h
      order by h.id
      on conflict (run) do update set retries = f.retries where false;
    select array_agg(x.retry), json_agg(json_build_array(x.retry, coalesce(f.retries[1], x.run)))
      into late, lates from unnest(t_run, t_retry, t_discarded, t_retried)
        x(run, retry, discarded, retried)
      join follow_up f on f.run = x.run
      where x.retry <> all (losers)
        and (f.retries <> '{}' and x.retried = 0 or f.by is not null and x.discarded = 0);
    if late is not null then
      folds := (coalesce(folds::jsonb, '[]') || lates::jsonb)::text;
      -- None has an idempotency key: what has one is asked for by hand, and never too late.
      delete from dedup d using unnest(x_project, x_dedup, x_id) x(project, key, run)
        where d.project = x.project and d.key = x.key and d.run = x.run and x.run = any (late);
      losers := losers || late;
    end if;
    update follow_up f set retries = (x.retries || f.retries)[1:${RETRIES_MAX}]
      from (select u.run, array_agg(u.retry order by u.retry desc) as retries
        from unnest(t_run, t_retry) u(run, retry) where u.retry <> all (losers)
        group by u.run) x
      where f.run = x.run;
  end if;
  if folds is not null then
    update intake i set folds = intake_batch.folds where i.id = batch;
  end if;
`;

/**
 * A gateway's group commit (architecture §3, §5). The row in `intake` goes in first: who meets it
 * repeats a batch whose outcome was unknown, writes nothing and gets the same answer. Keys are
 * taken in order, so two batches never wait for each other in a ring; the winners are read in a
 * statement of their own, whose snapshot sees what the first one waited for.
 */
export const INTAKE = `
create function intake_batch(
  ${INTAKE_PARAMETERS.map(([name, type]) => `${name} ${type}`).join(',\n  ')},
  out at float8, out replays text, out folds text)
language plpgsql security definer set search_path = orrery, pg_temp as $$
#variable_conflict use_column
declare
  moment timestamptz := date_trunc('milliseconds', clock_timestamp());
  c int4; losers uuid[]; conflicts text; folded uuid[]; late uuid[]; lates json;
begin
  insert into intake (id, at) values (batch, moment) on conflict do nothing;
  get diagnostics c = row_count;
  if c = 0 then
    select i.at, i.folds into strict moment, folds from intake i where i.id = batch;
  end if;
  at := extract(epoch from moment) * 1000;
  if c = 1 and k_ref is not null then
    insert into idempotency as i (project, operation, key, hash, ref, expires)
      select x.project, x.operation, x.key, x.hash, x.ref, moment + interval '24 hours'
      from unnest(k_project, ${items('k_operation')}, ${items('k_key')}, k_hash, k_ref)
        x(project, operation, key, hash, ref)
      order by x.project, x.operation, x.key
      on conflict (project, operation, key) do update
        set hash = excluded.hash, ref = excluded.ref, expires = excluded.expires
        where i.expires < moment;
  end if;
  if k_ref is not null then
    select array_agg(x.ref), json_agg(json_build_array(x.ref, i.ref, i.hash))::text
      into losers, replays
      from unnest(k_project, ${items('k_operation')}, ${items('k_key')}, k_ref)
        x(project, operation, key, ref)
      join idempotency i
        on i.project = x.project and i.operation = x.operation and i.key = x.key
      where i.ref <> x.ref;
  end if;
  if c = 0 then return; end if;
  if strict and losers is not null then
    select json_agg(x.ref)::text into conflicts
      from unnest(k_project, ${items('k_operation')}, ${items('k_key')}, k_ref, k_hash)
        x(project, operation, key, ref, hash)
      join idempotency i
        on i.project = x.project and i.operation = x.operation and i.key = x.key
      where i.hash <> x.hash;
    if conflicts is not null then
      raise exception 'a key stands for another request' using errcode = 'OR004',
        detail = conflicts;
    end if;
  end if;
  losers := coalesce(losers, '{}');
${FOLD}${FOLLOW_UP}  if s_hash is not null then
    insert into specification (project, hash, body, policy)
      select x.project, x.hash, ${body('x.spec')}, ${body('x.policy')}
      from unnest(s_project, s_hash, ${items('s_body')}, ${items('s_policy')})
        x(project, hash, spec, policy)
      order by 1, 2
      on conflict do nothing;
  end if;
  if r_id is not null then
    insert into live (id, partition, project, job, job_version, spec, kind, state, pool, need,
        priority, submitted_at, due, expires, lane, rank, retry_of, params, labels)
      select x.id, x.partition, x.project, x.job, x.version, x.spec, x.kind, 0, x.pool, x.need,
        x.priority, moment, x.due, coalesce(x.due, moment) + x.deadline * interval '1 ms',
        case when x.due > moment then 0 else x.lane end,
        case when x.due > moment then extract(epoch from x.due) * 1000
          else extract(epoch from moment) * 1000 + (x.priority - 1) * 60000 end,
        x.retry_of, ${body('x.params')}, ${body('x.labels')}
      from (select u.*, coalesce(${time('u.at')}, moment + u.after * interval '1 ms') as due
        from unnest(r_id, r_partition, r_project, r_job, r_version, r_spec, r_kind,
          ${items('r_pool')}, ${items('r_need')}, r_priority, r_lane, r_at, r_after, r_deadline,
          r_retry_of, ${items('r_params')}, ${items('r_labels')})
          u(id, partition, project, job, version, spec, kind, pool, need, priority, lane, at,
            after, deadline, retry_of, params, labels)
        where u.id <> all (losers)) x;
    if x_id is not null then
      update live l set dedup = x.dedup, cache = x.cache, record = ${body('x.record')}
        from unnest(x_id, x_dedup, x_cache, ${items('x_record')}) x(id, dedup, cache, record)
        where l.id = x.id;
    end if;
    insert into inbox (partition, id, kind, ref)
      select x.partition, x.id, 0, x.id from unnest(r_id, r_partition) x(id, partition)
      where x.id <> all (losers);
  end if;
  if c_id is not null then
    insert into inbox (partition, id, kind, ref, payload)
      select x.partition, x.id, x.kind, x.ref, ${body('x.payload')}
      from unnest(c_id, c_partition, c_kind, c_ref, ${items('c_payload')})
        x(id, partition, kind, ref, payload)
      where x.id <> all (losers);
  end if;
end $$;
`;
