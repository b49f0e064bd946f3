/** Logs go beside the commit: unfenced, idempotent by their key (architecture §3). */
export const LOGS = `
create function append_log(l_day text, l_run uuid[], l_attempt int4[], l_stream int2[],
  l_offset int8[], l_project text, l_body text) returns int4
language plpgsql security definer set search_path = orrery, pg_temp as $$
declare c int4;
begin
  insert into log_chunk (day, run, attempt, stream, "offset", project, body)
    select x.day::date, x.run, x.attempt, x.stream, x.place, p.id, convert_to(x.body, 'UTF8')
    from unnest(string_to_array(l_day, E'\\x1e'), l_run, l_attempt, l_stream, l_offset,
      string_to_array(l_project, E'\\x1e'), string_to_array(l_body, E'\\x1e'))
      x(day, run, attempt, stream, place, project, body)
    join project p on p.name = x.project
    order by run, attempt, stream, place
    on conflict do nothing;
  get diagnostics c = row_count;
  return c;
end $$;
`;

/** Every project there is: what a viewer may see of them is the gateway's to decide. */
export const DIRECTORY = `
create function project_directory()
returns table (id uuid, name text, description text, created_at timestamptz)
language sql stable security definer set search_path = orrery, pg_temp as $$
  select p.id, p.name, p.description, p.created_at from project p order by p.name limit 100000;
$$;
`;
