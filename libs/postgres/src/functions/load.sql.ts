const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;
const utf8 = (column: string): string => `convert_from(${column}, 'UTF8')`;

/** A run's row as its owner reads it; params over 4 KiB stay behind until an assignment. */
const ROW = `
  l.id, l.partition, l.project, l.job, l.job_version, l.spec, l.kind, l.state, l.pool, l.need,
  l.priority, l.lane::text as lane, l.rank, ${ms('l.due')} as due, ${ms('l.expires')} as expires,
  ${ms('l.submitted_at')} as submitted, ${ms('l.ready_at')} as ready,
  ${ms('l.started_at')} as started, l.attempt, l.spent, l.executor, l.incarnation, l.token_epoch,
  l.token_seq, l.taken,
  case when octet_length(l.params) <= 4096 then ${utf8('l.params')} end as params,
  l.params is not null and octet_length(l.params) > 4096 as params_left,
  ${utf8('l.record')} as record`;

/**
 * What an owner reads. The loads are STABLE: every statement inside sees the one snapshot of the
 * call (architecture §4). Cost grows with the window, not with what waits or with history.
 */
export const LOAD = `
create type run_row as (
  id uuid, partition int2, project uuid, job uuid, job_version int4, spec uuid, kind int2,
  state int2, pool text, need text, priority int2, lane text, rank int8, due float8,
  expires float8, submitted float8, ready float8, started float8, attempt int4, spent int4,
  executor text, incarnation int4, token_epoch int8, token_seq int8, taken bool,
  params text, params_left bool, record text);

create function load_partition(p_id int2, p_epoch int8, out seq int8, out executors text)
language plpgsql stable security definer set search_path = orrery, pg_temp as $$
begin
  select q.seq into seq from partition q where q.id = p_id and q.epoch = p_epoch;
  executors := (select json_agg(json_build_array(e.id, e.pool, e.state, e.incarnation,
      ${ms('e.since')}, ${utf8('e.record')})) from executor e where e.partition = p_id);
end $$;

create function load_runs(p_id int2, p_epoch int8, p_window int4) returns setof run_row
language plpgsql stable security definer set search_path = orrery, pg_temp as $$
begin
  if not exists (select from partition q where q.id = p_id and q.epoch = p_epoch) then
    raise exception 'fenced' using errcode = 'OR001', detail = json_build_array(p_id);
  end if;
  return query select ${ROW} from live l
    where l.partition = p_id and l.lane = 1 and l.taken;
  return query
    with recursive lanes(lane) as (
      (select l.lane from live l where l.partition = p_id and l.lane is not null and l.lane <> 1
        order by l.lane limit 1)
      union all
      select (select l.lane from live l where l.partition = p_id and l.lane is not null
          and l.lane > lanes.lane and l.lane <> 1 order by l.lane limit 1)
        from lanes where lanes.lane is not null)
    select l.* from (select lane from lanes where lane is not null limit 1024) w
      cross join lateral (select ${ROW} from live l
        where l.partition = p_id and l.lane = w.lane and l.taken
        order by l.partition, l.lane, l.rank, l.id limit p_window) l;
end $$;

create function load_lane(p_id int2, p_lane int8, p_window int4) returns setof run_row
language sql stable security definer set search_path = orrery, pg_temp as $$
  select ${ROW} from live l
    where l.partition = p_id and l.lane = p_lane and l.lane is not null and l.taken
    order by l.partition, l.lane, l.rank, l.id limit p_window;
$$;

create function load_expiries(p_id int2, p_after float8, p_window int4,
  out id uuid, out expires float8) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select l.id, ${ms('l.expires')} from live l
    where l.partition = p_id and l.expires is not null
      and l.expires >= to_timestamp(p_after / 1000) and l.taken
    order by l.partition, l.expires, l.id limit p_window;
$$;

create function load_by_id(p_ids uuid[]) returns setof run_row
language sql stable security definer set search_path = orrery, pg_temp as $$
  select ${ROW} from live l where l.id = any (p_ids);
$$;

/** Those of the runs that are final: their state. */
create function load_final(p_ids uuid[], out id uuid, out state int2) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select h.id, h.state from history h where h.id = any (p_ids);
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
      (select row (r.*)::run_row from (select ${ROW} from live l where l.id = q.ref) r)
    from unnest(p_ids, p_after) p(id, after) cross join lateral (
      select * from inbox i where i.partition = p.id and i.id > p.after
        order by i.partition, i.id limit p_each) q;
$$;
`;
