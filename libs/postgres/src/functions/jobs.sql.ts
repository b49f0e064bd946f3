/**
 * A job is paused or resumed, and every partition is told, in one transaction (architecture §5,
 * wide commands). What the rows say is only that there may be news: what is so is read from the
 * job. So they are written also when nothing has changed: the answer is that all go by it.
 */
export const JOBS = `
create function hold_job(p_project uuid, p_name text, p_paused bool, p_by text, p_reason text,
  p_ids uuid[], out job uuid, out changed bool)
language plpgsql security definer set search_path = orrery, pg_temp as $$
#variable_conflict use_column
declare was bool; held uuid;
begin
  select j.id, j.paused into held, was from job j
    where j.project = p_project and j.name = p_name
      and (j.deleted_at is null or (j.paused and not p_paused)) for update;
  job := held;
  changed := was is distinct from p_paused and held is not null;
  if held is null then return; end if;
  update job set paused = p_paused, paused_by = case when p_paused then p_by end,
    paused_reason = case when p_paused then p_reason end, updated_at = now()
    where id = held and changed;
  insert into inbox (partition, id, kind, ref)
    select x.partition - 1, x.id, 2, held from unnest(p_ids) with ordinality x(id, partition);
end $$;
`;
