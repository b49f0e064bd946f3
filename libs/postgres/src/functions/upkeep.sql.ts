/** What the tables of time keep, in days; history says by `drop_at` how long it keeps a run. */
const JOURNAL_DAYS = 30;
const LOG_DAYS = 30;
/** Of the cluster's own events, so many: weeks of a quiet one, and a bound for one in trouble. */
const CLUSTER_EVENTS = 20_000;
/** Partitions stand ready so far ahead: an installation may sleep for two weeks. */
const AHEAD_DAYS = 14;
/** Beyond the longest retention of a run (90 days) and those two weeks. */
const AHEAD_WEEKS = 16;
/** Commits queue behind whoever waits for a lock on the whole table: not for longer than this. */
const LOCK_TIMEOUT = '50ms';

const HEAD = `set search_path = orrery, pg_temp set timezone = 'UTC'`;

/**
 * Which partitions of time there must be, and which are wholly past what is kept. Bounds are read
 * from the catalogue: a name proves nothing.
 */
const TIMES = `
create function time_partitions()
returns table (parent text, key text, name text, low date, high date)
language sql stable ${HEAD} as $$
  select x.parent, x.key, x.parent || '_' || to_char(x.first + n * x.days, 'YYYYMMDD'),
      x.first + n * x.days, x.first + (n + 1) * x.days
    from (values
      ('journal', 'at', 1, current_date - 1, ${AHEAD_DAYS + 1}),
      ('log_chunk', 'day', 1, current_date - 1, ${AHEAD_DAYS + 1}),
      ('history', 'drop_at', 7, date_trunc('week', current_date)::date, ${AHEAD_WEEKS}))
      x(parent, key, days, first, last)
    cross join lateral generate_series(0, x.last) n;
$$;

create function expired_time_partitions() returns table (name text)
language sql stable ${HEAD} as $$
  select c.relname::text
    from (values ('journal', ${JOURNAL_DAYS}), ('log_chunk', ${LOG_DAYS}), ('history', 0))
      x(parent, days)
    join pg_inherits i on i.inhparent = to_regclass(x.parent)
    join pg_class c on c.oid = i.inhrelid
    where substring(pg_get_expr(c.relpartbound, c.oid) from $re$TO \\('([^']+)'\\)$re$)::timestamptz
      + x.days * interval '1 day' <= now()
    order by 1;
$$;
`;

/**
 * One partition a transaction. A partition is made beside its parent and then attached, which
 * shuts out nobody but who reads the default one. The default one is empty or nearly so: to scan it
 * costs nothing. What fell into it, while nobody made partitions, moves to where it belongs.
 */
const MAKE = `
create function attach_time_partition(p_name text) returns bool
language plpgsql ${HEAD} as $$
declare w record; spare text; isStray bool;
begin
  select * into w from time_partitions() t where t.name = p_name;
  if not found then
    raise exception 'no partition of time is called %', p_name using errcode = 'OR903';
  end if;
  -- Two who make the same one come here one after the other.
  execute format('lock table %I in share update exclusive mode', w.parent);
  if to_regclass(p_name) is not null then return false; end if;
  execute format('create table %I (like %I including all)', p_name, w.parent);
  spare := w.parent || '_default';
  execute format('select exists (select from %I where %I >= %L and %2$I < %4$L)',
    spare, w.key, w.low, w.high) into isStray;
  if isStray then
    execute format('lock table %I in share row exclusive mode', spare);
    execute format('with moved as (delete from %I where %I >= %L and %2$I < %4$L returning *)
      insert into %5$I select * from moved', spare, w.key, w.low, w.high, p_name);
  end if;
  execute format('alter table %I attach partition %I for values from (%L) to (%L)',
    w.parent, p_name, w.low, w.high);
  return true;
end $$;

create function make_time_partition(p_name text) returns bool
language sql security definer ${HEAD} set lock_timeout = '${LOCK_TIMEOUT}' as $$
  select attach_time_partition(p_name);
$$;

create function make_time_partitions() returns int8
language sql ${HEAD} as $$
  select count(*) filter (where attach_time_partition(t.name)) from time_partitions() t
    where to_regclass(t.name) is null;
$$;
`;

const DROP = `
create function drop_time_partition(p_name text) returns bool
language plpgsql security definer ${HEAD} set lock_timeout = '${LOCK_TIMEOUT}' as $$
begin
  if to_regclass(p_name) is null then return false; end if;
  if not exists (select from expired_time_partitions() t where t.name = p_name) then
    raise exception '% holds what is still kept', p_name using errcode = 'OR903';
  end if;
  execute format('drop table %I', p_name);
  return true;
end $$;
`;

/** What there is to do about partitions, and default partitions that are not empty. */
const LOOK = `
create function upkeep_work() returns table (kind text, name text, found int8)
language plpgsql stable security definer ${HEAD} as $$
declare spare text;
begin
  return query select 'make', t.name, null::int8 from time_partitions() t
    where to_regclass(t.name) is null;
  return query select 'drop', t.name, null::int8 from expired_time_partitions() t;
  foreach spare in array array['journal_default', 'log_chunk_default', 'history_default'] loop
    return query execute format(
      'select %L, %L, count(*) from (select from %I limit 1000) x having count(*) > 0',
      'stray', spare, spare);
  end loop;
end $$;
`;

const expired = (table: string, condition: string, order: string): string => `
  delete from ${table} where ctid = any (array(
    select x.ctid from ${table} x where ${condition} order by ${order} limit p_limit
      for update skip locked));
  get diagnostics c = row_count; total := total + c;`;

/**
 * At most so many rows of each table a call; answers how many went. Locked rows are stepped over:
 * an intake that renews its keys in their order never waits for this one in a ring. In the default
 * partitions expires what no dropped partition takes along.
 */
const EMPTY = `
create index intake_at on intake (at);
create index answer_at on answer (at);
create index idempotency_expires on idempotency (expires);
create index bulk_finished_at on bulk (finished_at);

create function empty_expired(p_limit int4) returns int4
language plpgsql security definer ${HEAD} set enable_seqscan = off as $$
declare c int4; total int4 := 0;
begin
  ${[
    expired('intake', `x.at < now() - interval '24 hours'`, 'x.at'),
    expired('answer', `x.at < now() - interval '24 hours'`, 'x.at'),
    expired('idempotency', 'x.expires < now()', 'x.expires'),
    expired('bulk', `x.finished_at < now() - interval '24 hours'`, 'x.finished_at'),
    // A final run is there until the week of its time is over.
    expired('follow_up', `x.drop_at < now() - interval '30 days'`, 'x.drop_at'),
    expired(
      'cluster_event',
      `x.id <= (select max(m.id) from cluster_event m) - ${CLUSTER_EVENTS}`,
      'x.id',
    ),
    expired('result_cache', 'x.expires < now()', 'x.expires'),
    expired('journal_default', `x.at < now() - interval '${JOURNAL_DAYS} days'`, 'x.at'),
    expired('log_chunk_default', `x.day < current_date - ${LOG_DAYS}`, 'x.day'),
    expired('history_default', 'x.drop_at < now()', 'x.drop_at'),
  ].join('')}
  return total;
end $$;
`;

/** Owned by the owner of the tables (architecture §3, Roles). */
export const UPKEEP = [TIMES, MAKE, DROP, LOOK, EMPTY].join('\n');
