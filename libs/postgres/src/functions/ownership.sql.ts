import { CLUSTER_EVENT_KINDS, type ClusterEventKind } from '#core';

const CODE = Object.fromEntries(CLUSTER_EVENT_KINDS.map((kind, code) => [kind, code])) as Readonly<
  Record<ClusterEventKind, number>
>;

/** Who is there, who owns what, and taking ownership (§4). */
export const OWNERSHIP = `
create function touch_node(p_thread text, p_session text, p_scheduler text, p_format int4,
  p_stats text, out at float8, out nodes text, out partitions text, out closed text)
language plpgsql security definer set search_path = orrery, pg_temp as $$
declare installed int4;
begin
  select format into installed from installation;
  if installed is distinct from p_format then
    raise exception 'this program writes format %, the installation has %', p_format, installed
      using errcode = 'OR902';
  end if;
  insert into node (thread, session, scheduler, seen, stats)
    values (p_thread, p_session, p_scheduler, clock_timestamp(), p_stats)
    on conflict (thread) do update set session = excluded.session,
      scheduler = excluded.scheduler, seen = excluded.seen, stats = excluded.stats;
  at := extract(epoch from clock_timestamp()) * 1000;
  partitions := (select json_agg(json_build_array(q.id, q.epoch, q.owner, q.wanted_by,
      round(extract(epoch from clock_timestamp() - q.claimed_at) * 1000),
      round(extract(epoch from clock_timestamp() - q.wanted_at) * 1000), q.gave_up,
      round(extract(epoch from clock_timestamp() - q.gave_up_at) * 1000)) order by q.id)
    from partition q);
  closed := (select json_agg(json_build_array(e.id, e.closed,
      round(extract(epoch from e.empty_by - clock_timestamp()) * 1000)))
    from executor e where e.closed is not null);
  -- After the partitions, and all that own something: an owner without a row has left.
  nodes := (select json_agg(json_build_array(n.thread, n.session,
      round(extract(epoch from clock_timestamp() - n.seen) * 1000),
      coalesce((n.stats::json->>'hearsMs')::float8, 0)) order by n.thread)
    from node n where n.seen > clock_timestamp() - interval '1 hour'
      or n.thread in (select q.owner from partition q));
end $$;

/** How long the oldest of what nobody has taken in yet stands in each inbox; ids tell the time. */
create function read_lags(out id int2, out lag float8) returns setof record
language sql stable security definer set search_path = orrery, pg_temp as $$
  select q.id, (select max(extract(epoch from clock_timestamp() - uuid_extract_timestamp(i.id)))
      from (select b.id from inbox b where b.partition = q.id order by b.id limit 16) i) * 1000
    from partition q;
$$;

-- One process has the name of a scheduler, as long as its connection lasts: when it dies, at once.
create function take_name(p_name text, out mine bool, out session text, out age float8)
language plpgsql security definer set search_path = orrery, pg_temp as $$
begin
  mine := pg_try_advisory_lock(hashtextextended('orrery/scheduler/' || p_name, 0));
  if not mine then
    select n.session, extract(epoch from clock_timestamp() - n.seen) * 1000 into session, age
      from node n where n.scheduler = p_name order by n.seen desc limit 1;
  end if;
end $$;

create function leave_node(p_thread text, p_session text) returns void
language sql security definer set search_path = orrery, pg_temp as $$
  delete from node where thread = p_thread and session = p_session;
$$;

-- Locked one after the other by id, as commits lock them. Those whose epoch has moved on are left
-- out; those that somebody holds a lock on have no epoch. One wait is enough for all of them: who
-- claims is stale itself after a few. Stolen: its owner was there and had not let go. Who has left
-- has let go of all it has.
create function claim_partitions(p_ids int2[], p_expected int8[], p_thread text)
returns table (id int2, epoch int8, seq int8)
language plpgsql security definer set search_path = orrery, pg_temp set lock_timeout = '500ms' as $$
#variable_conflict use_column
declare p_id int2; expected int8; former text; code int2;
begin
  for p_id, expected in select x.id, x.expected from unnest(p_ids, p_expected) x(id, expected)
    order by x.id
  loop
    begin
      select q.owner into former from partition q
        where q.id = p_id and q.epoch = expected for no key update;
    exception when lock_not_available then
      perform set_config('lock_timeout', '1ms', true);
      id := p_id;
      epoch := null;
      return next;
      continue;
    end;
    continue when not found;
    return query update partition q set epoch = q.epoch + 1, owner = p_thread,
        since = clock_timestamp(), claimed_at = clock_timestamp(), wanted_by = null,
        wanted_at = null, reason = null
      where q.id = p_id returning q.id, q.epoch, q.seq;
    code := ${CODE.CLAIMED};
    if former <> p_thread and exists (select from node n where n.thread = former) then
      code := ${CODE.STOLEN};
    end if;
    insert into cluster_event (partition, epoch, kind, thread, before)
      values (p_id, expected + 1, code, p_thread, former) on conflict do nothing;
  end loop;
end $$;

-- How many of them were at their epoch; locked one after the other by id, as commits lock them.
create function release_partitions(p_ids int2[], p_epochs int8[], p_reason text) returns int4
language plpgsql security definer set search_path = orrery, pg_temp as $$
declare p_id int2; p_epoch int8; former text; released int4 := 0;
begin
  for p_id, p_epoch in select x.id, x.epoch from unnest(p_ids, p_epochs) x(id, epoch) order by x.id
  loop
    select owner into former from partition where id = p_id and epoch = p_epoch for no key update;
    continue when not found;
    update partition set owner = null, since = clock_timestamp(), reason = p_reason
      where id = p_id;
    insert into cluster_event (partition, epoch, kind, thread, reason)
      select p_id, p_epoch, ${CODE.RELEASED}, former, p_reason where former is not null
      on conflict do nothing;
    released := released + 1;
  end loop;
  return released;
end $$;

create function tell_fences(p_thread text, p_partition int4[], p_epoch int8[], p_events int4[],
  p_granted int4[], p_finished int4[]) returns void
language sql security definer set search_path = orrery, pg_temp as $$
  insert into cluster_event (partition, epoch, kind, thread, events, granted, finished)
    select x.partition, x.epoch, ${CODE.FENCED}, p_thread, x.events, x.granted, x.finished
    from unnest(p_partition, p_epoch, p_events, p_granted, p_finished)
      x(partition, epoch, events, granted, finished)
    on conflict do nothing;
$$;

-- In a row: nobody has had it for five minutes meanwhile.
create function give_up_partition(p_id int2, p_epoch int8, p_reason text) returns void
language plpgsql security definer set search_path = orrery, pg_temp as $$
begin
  if release_partitions(array[p_id], array[p_epoch], p_reason) = 0 then return; end if;
  update partition set gave_up_at = clock_timestamp(), gave_up_why = p_reason,
      gave_up = case when gave_up_at > clock_timestamp() - interval '5 minutes'
        then least(gave_up + 1, 1000) else 1 end
    where id = p_id;
end $$;

create function want_partition(p_id int2, p_thread text) returns void
language sql security definer set search_path = orrery, pg_temp as $$
  update partition set wanted_by = p_thread, wanted_at = clock_timestamp()
    where id = p_id and (wanted_by is distinct from p_thread
      or wanted_at < clock_timestamp() - interval '10 seconds');
$$;
`;
