/** A bulk that the database is too slow for is left alone for at most so long. */
const REST_S_MAX = 60;

/**
 * An action on many runs is a row: which runs, what, and how far it is. One gateway at a time works
 * at it, under a lease that it renews; each chunk is written in the transaction that moves the
 * cursor, so whoever takes over goes on exactly where the last one got to.
 */
export const BULK = `
-- held: the bulk that the answer is about; null: too many are under way. Nothing is written then,
-- nor when the key stands for an earlier request.
create function begin_bulk(p_id uuid, p_project uuid, p_request text, p_by text, p_last uuid,
  p_matched int4, p_max int4, p_holder text, p_lease_ms int4, p_key text, p_hash uuid,
  out held uuid, out held_hash uuid)
language plpgsql security definer set search_path = orrery, pg_temp as $$
declare moment timestamptz;
begin
  -- One after the other in a project: who counts what is under way, counts all of it.
  perform pg_advisory_xact_lock(hashtextextended(p_project::text, 0));
  moment := clock_timestamp();
  if p_key is not null then
    select i.ref, i.hash into held, held_hash from idempotency i
      where i.project = p_project and i.operation = 'bulkRuns' and i.key = p_key
        and i.expires >= moment;
    if found then return; end if;
  end if;
  -- The repeat of a call whose outcome was unknown.
  select b.id into held from bulk b where b.id = p_id;
  if found then return; end if;
  if p_matched > 0 and p_max <= (select count(*) from bulk b
      where b.project = p_project and b.state = 0) then
    return;
  end if;
  if p_key is not null then
    insert into idempotency as i (project, operation, key, hash, ref, expires)
      values (p_project, 'bulkRuns', p_key, p_hash, p_id, moment + interval '24 hours')
      on conflict (project, operation, key) do update
        set hash = excluded.hash, ref = excluded.ref, expires = excluded.expires;
  end if;
  insert into bulk (id, project, request, by, last, matched, state, holder, lease_until, at,
      finished_at)
    values (p_id, p_project, p_request, p_by, p_last, p_matched, (p_matched = 0)::int4, p_holder,
      moment + p_lease_ms * interval '1 ms', moment, case when p_matched = 0 then moment end);
  held := p_id;
  held_hash := p_hash;
end $$;

create function advance_bulk(p_id uuid, p_holder text, p_batch uuid, p_from uuid, p_cursor uuid,
  p_applied int4, p_refused int4, p_folds text, p_done bool, out applied int4, out refused int4)
language plpgsql security definer set search_path = orrery, pg_temp as $$
#variable_conflict use_column
declare folded int4 := json_array_length(coalesce(p_folds, '[]')::json);
begin
  select b.applied, b.refused into applied, refused from bulk b
    where b.id = p_id and b.batch = p_batch;
  if found then return; end if;
  applied := p_applied - folded;
  refused := p_refused + folded;
  update bulk b set batch = p_batch, cursor = p_cursor, applied = advance_bulk.applied,
      refused = advance_bulk.refused, state = p_done::int4, slow = 0,
      finished_at = case when p_done then clock_timestamp() end
    where b.id = p_id and b.holder = p_holder and b.state = 0 and b.cursor = p_from;
  if not found then
    raise exception 'the bulk % goes on elsewhere', p_id using errcode = 'OR005';
  end if;
end $$;

create function fail_bulk(p_id uuid, p_holder text, p_failure text) returns void
language sql security definer set search_path = orrery, pg_temp as $$
  update bulk set state = 2, failure = p_failure, finished_at = clock_timestamp()
    where id = p_id and holder = p_holder and state = 0;
$$;

-- Left alone for longer each time; after so many times in a row it has failed.
create function slow_bulk(p_id uuid, p_holder text, p_max int4, p_failure text) returns void
language sql security definer set search_path = orrery, pg_temp as $$
  update bulk b set slow = b.slow + 1, holder = '',
      lease_until = clock_timestamp() + least(b.slow * 2 + 2, ${REST_S_MAX}) * interval '1 s',
      state = case when b.slow + 1 >= p_max then 2 else 0 end,
      failure = case when b.slow + 1 >= p_max then p_failure end,
      finished_at = case when b.slow + 1 >= p_max then clock_timestamp() end
    where b.id = p_id and b.holder = p_holder and b.state = 0;
$$;

-- false: it is over already. A chunk that is being written is waited for, and is the last one.
create function cancel_bulk(p_id uuid, p_by text, p_reason text) returns boolean
language plpgsql security definer set search_path = orrery, pg_temp as $$
begin
  update bulk b set state = 3, stopped_by = p_by, stop_reason = p_reason,
      finished_at = clock_timestamp()
    where b.id = p_id and b.state = 0;
  return found;
end $$;

-- Renews what is held, and takes over what nobody renews any more. All times are the database's;
-- a lease that is longer than any there is was written by the clock of another one, before a
-- failover. Who held it writes nothing more, as the holder and the cursor are checked.
create function keep_bulks(p_holder text, p_held uuid[], p_lease_ms int4, p_limit int4)
returns setof bulk
language plpgsql security definer set search_path = orrery, pg_temp as $$
declare
  moment timestamptz := clock_timestamp();
  until timestamptz := moment + p_lease_ms * interval '1 ms';
  longest timestamptz := moment
    + greatest(p_lease_ms * interval '1 ms', interval '${REST_S_MAX} s');
begin
  update bulk b set lease_until = until
    where b.id = any (p_held) and b.holder = p_holder and b.state = 0;
  return query update bulk b set holder = p_holder, lease_until = until
    where b.id = any (array(select x.id from bulk x
      where x.state = 0 and x.lease_until not between moment and longest
      order by x.lease_until limit p_limit for update skip locked))
    returning b.*;
end $$;

create function release_bulks(p_holder text) returns void
language sql security definer set search_path = orrery, pg_temp as $$
  update bulk set holder = '', lease_until = '-infinity' where holder = p_holder and state = 0;
$$;
`;
