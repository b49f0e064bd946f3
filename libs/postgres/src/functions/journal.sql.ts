/** The class of the locks on a partition's logs; beside it stands the partition. */
export const LOG_LOCK = 20_014;

/**
 * Logs go beside the commit: unfenced, idempotent by their key (architecture §3).
 *
 * Of one run `seq` grows in the order of commits: it is taken under the lock of the run's
 * partition, which is held to the end of the transaction. So who has seen a `seq` has seen all
 * below it, and that is what cursors stand on. Under the same lock it is known what came before:
 * `gap` is how many bytes of the stream are missing between that and this chunk (decision 14).
 */
export const LOGS = `
create function append_log(l_day text, l_partition int4[], l_run uuid[], l_attempt int4[],
  l_stream int2[], l_offset int8[], l_bytes int4[], l_project text, l_body text) returns int4
language plpgsql security definer set search_path = orrery, pg_temp as $$
declare c int4;
begin
  -- A statement of its own: what the next one sees was taken when the locks were held.
  perform pg_advisory_xact_lock(${LOG_LOCK}, p.id)
    from (select distinct x.id from unnest(l_partition) x(id) order by x.id) p;
  insert into log_chunk (day, run, attempt, stream, "offset", project, body, bytes, gap)
    select x.day, x.run, x.attempt, x.stream, x.place, x.project, convert_to(x.body, 'UTF8'),
      x.bytes, nullif(greatest(x.place - greatest(
        max(x.place + x.bytes) over (w rows between unbounded preceding and 1 preceding),
        max(x.stored) over w, 0), 0), 0)
    from (
      -- The end of what is stored is looked up once a stream: chunks do not overlap.
      select y.*, case when row_number() over v = 1 then (
          select k."offset" + k.bytes from log_chunk k where k.run = y.run
            and k.attempt = y.attempt and k.stream = y.stream and k.day = y.day
            order by k."offset" desc limit 1) end as stored
        from (
          select z.day::date as day, z.run, z.attempt, z.stream, z.place, z.bytes,
              p.id as project, z.body, z.n
            from unnest(string_to_array(l_day, E'\\x1e'), l_run, l_attempt, l_stream, l_offset,
              l_bytes, string_to_array(l_project, E'\\x1e'), string_to_array(l_body, E'\\x1e'))
              with ordinality z(day, run, attempt, stream, place, bytes, project, body, n)
            join project p on p.name = z.project) y
        window v as (partition by y.run, y.attempt, y.stream order by y.n)) x
    window w as (partition by x.run, x.attempt, x.stream order by x.n)
    order by x.n
    on conflict do nothing;
  get diagnostics c = row_count;
  return c;
end $$;
`;

/** Every project there is: what a viewer may see of them is the gateway's to decide. */
export const DIRECTORY = `
create function project_directory()
returns table (
  id uuid, name text, description text, defaults text, created_at timestamptz)
language sql stable security definer set search_path = orrery, pg_temp as $$
  select p.id, p.name, p.description, p.defaults, p.created_at from project p
    order by p.name limit 100000;
$$;
`;
