const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;
const utf8 = (column: string): string => `convert_from(${column}, 'UTF8')`;

/** A run's row as its owner reads it; params over 4 KiB stay behind until an assignment. */
const ROW = `
  r.id, r.partition, r.project, r.job, r.job_version, r.spec, r.kind, r.state, r.pool, r.need,
  r.priority, r.lane::text as lane, r.rank, ${ms('r.due')} as due, ${ms('r.expires')} as expires,
  ${ms('r.submitted_at')} as submitted, ${ms('r.ready_at')} as ready,
  ${ms('r.started_at')} as started, r.attempt, r.spent, r.executor, r.incarnation, r.epoch, r.seq,
  r.taken, r.is_open, r.dedup, r.cache,
  case when octet_length(r.params) <= 4096 then ${utf8('r.params')} end as params,
  r.params is not null and octet_length(r.params) > 4096 as params_left,
  ${utf8('r.record')} as record`;

/** The head of a lane: what may be granted next, or is due next. */
const head = (lane: string): string => `
  select ${ROW} from run_now r
    where r.partition = p_id and r.lane = ${lane} and r.lane is not null and r.taken
      and not r.is_open
    order by r.partition, r.lane, r.lane_rank, r.id limit p_window`;

/**
 * What an owner reads. The loads are STABLE: every statement inside sees the one snapshot of the
 * call (architecture §4). Cost grows with the window, not with what waits or with history.
 */
export const LOAD = `
create type run_row as (
  id uuid, partition int2, project uuid, job uuid, job_version int4, spec uuid, kind int2,
  state int2, pool text, need text, priority int2, lane text, rank int8, due float8,
  expires float8, submitted float8, ready float8, started float8, attempt int4, spent int4,
  executor text, incarnation int4, epoch int8, seq int8, taken bool, is_open bool,
  dedup uuid, cache uuid,
  params text, params_left bool, record text);

create function load_hold(p_job uuid, out by text, out reason text) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select j.paused_by, j.paused_reason from job j where j.id = p_job and j.paused;
$$;

create function load_held(p_id int2, p_job uuid, p_after uuid, p_window int4)
returns setof run_row
language sql stable security definer set search_path = orrery, pg_temp as $$
  select ${ROW} from run_now r
    where r.partition = p_id and r.job = p_job and r.lane is null and r.id > p_after and r.taken
      and not r.is_open
    order by r.partition, r.job, r.id limit p_window;
$$;

-- Of those that are still at their epoch: all of them by one snapshot. First what holds for all.
create function load_partitions(p_ids int2[], p_epochs int8[], p_window int4)
returns table (id int2, seq int8, executors text, holds text, run run_row)
language plpgsql stable security definer set search_path = orrery, pg_temp as $$
#variable_conflict use_column
declare p_id int2; p_epoch int8;
begin
  return query select null::int2, null::int8, null::text, json_agg(
      json_build_array(j.id, j.paused_by, j.paused_reason))::text, null::run_row
    from job j where j.paused;
  for p_id, p_epoch in select x.id, x.epoch from unnest(p_ids, p_epochs) x(id, epoch)
  loop
    return query select q.id, q.seq, (select json_agg(json_build_array(e.id, e.pool, e.state,
          e.incarnation, ${ms('e.since')}, ${utf8('e.record')}))::text
        from executor e where e.partition = p_id), null::text, null::run_row
      from partition q where q.id = p_id and q.epoch = p_epoch;
    continue when not found;
    return query select null::int2, null::int8, null::text, null::text, row (f.*)::run_row
      from (select ${ROW} from run_now r where r.id = any (array(
        select o.run from open_attempt o where o.partition = p_id))) f;
    return query
      with recursive lanes(lane) as (
        (select l.lane from live l where l.partition = p_id and l.lane is not null
          order by l.lane limit 1)
        union all
        select (select l.lane from live l where l.partition = p_id and l.lane is not null
            and l.lane > lanes.lane order by l.lane limit 1)
          from lanes where lanes.lane is not null)
      -- Only lanes in which something waits count: a lane may hold nothing but open attempts.
      select null::int2, null::int8, null::text, null::text, row (h.*)::run_row
        from (select n.lane from lanes n cross join lateral (
          select r.id from run_now r
            where r.partition = p_id and r.lane = n.lane and r.lane is not null and r.taken
              and not r.is_open
            order by r.partition, r.lane, r.lane_rank, r.id limit 1) first
          where n.lane is not null limit 1024) w
        cross join lateral (${head('w.lane')}) h;
  end loop;
end $$;

create function load_lane(p_id int2, p_lane int8, p_window int4) returns setof run_row
language sql stable security definer set search_path = orrery, pg_temp as $$
  ${head('p_lane')};
$$;

-- What the owner compares with its memory, by the index. Who is displaced gets nothing.
create function load_lanes(p_id int2, p_epoch int8, p_lane int8, p_rank int8, p_after uuid,
  p_window int4,
  out id uuid, out lane text, out rank float8, out taken bool, out is_open bool,
  out is_in_inbox bool) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select r.id, r.lane::text, r.lane_rank::float8, r.taken, r.is_open,
      -- Not "exists": that may be answered by reading the whole inbox once.
      not r.taken and (select count(*) from (select from inbox i
        where i.partition = r.partition and i.id = r.id limit 1) one) > 0
    from run_now r
    where r.partition = p_id and r.lane is not null
      and (select q.epoch from partition q where q.id = p_id) = p_epoch
      and (r.lane, r.lane_rank, r.id) > (p_lane, p_rank, p_after)
    order by r.partition, r.lane, r.lane_rank, r.id limit p_window;
$$;

create function load_expiries(p_id int2, p_after float8, p_window int4,
  out id uuid, out expires float8) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select r.id, ${ms('r.expires')} from run_now r
    where r.partition = p_id and r.expires is not null
      and r.expires >= to_timestamp(p_after / 1000) and r.taken
    order by r.partition, r.expires, r.id limit p_window;
$$;

create function load_by_id(p_ids uuid[]) returns setof run_row
language sql stable security definer set search_path = orrery, pg_temp as $$
  select ${ROW} from run_now r where r.id = any (p_ids);
$$;

/** Those of the runs that are final. */
create function load_final(p_ids uuid[], out id uuid, out state int2, out project uuid,
  out job uuid) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select h.id, h.state, h.project, h.job from history h where h.id = any (p_ids);
$$;

create function load_bodies(p_ids uuid[], out id uuid, out params text) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select l.id, ${utf8('l.params')} from live l where l.id = any (p_ids);
$$;

create function load_specifications(p_project uuid[], p_hash uuid[],
  out project uuid, out hash uuid, out body text, out policy text) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select s.project, s.hash, ${utf8('s.body')}, ${utf8('s.policy')}
    from unnest(p_project, p_hash) x(project, hash)
    join specification s on s.project = x.project and s.hash = x.hash;
$$;

create type inbox_row as (
  inbox_partition int2, inbox_id uuid, inbox_kind int2, ref uuid, payload text, tries int2);

/** What is left in the inboxes, oldest first; the run's own row rides along where there is one. */
create function sweep_inbox(p_ids int2[], p_after uuid[], p_each int4)
returns table (inbox inbox_row, run run_row)
language sql stable security definer set search_path = orrery, pg_temp as $$
  select row (q.partition, q.id, q.kind, q.ref, ${utf8('q.payload')}, q.tries)::inbox_row,
      (select row (f.*)::run_row from (select ${ROW} from run_now r where r.id = q.ref) f)
    from unnest(p_ids, p_after) p(id, after) cross join lateral (
      select * from inbox i where i.partition = p.id and i.id > p.after
        order by i.partition, i.id limit p_each) q;
$$;
`;
