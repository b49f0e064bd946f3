import { items, time } from './separators.js';

/**
 * What runs hold and leave under keys, and dead letters that are discarded. Rows are locked in
 * order, as the intake does it.
 */
export const KEYS = `
  if l_key is not null then
    perform 1 from dedup d join unnest(l_project, l_key, l_run) x(project, key, run)
        on d.project = x.project and d.key = x.key and d.run = x.run
      order by d.project, d.key for update of d;
    delete from dedup d using unnest(l_project, l_key, l_run) x(project, key, run)
      where d.project = x.project and d.key = x.key and d.run = x.run;
  end if;
  if c_key is not null then
    insert into result_cache (project, key, run, expires)
      select distinct on (x.project, x.key) x.project, x.key, x.run, ${time('x.expires')}
      from unnest(c_project, c_key, c_run, c_expires) with ordinality
        x(project, key, run, expires, n)
      order by x.project, x.key, x.n desc
      on conflict (project, key) do update set run = excluded.run, expires = excluded.expires;
  end if;
  if v_run is not null then
    update history h set result = s.result
      from unnest(v_run, v_from) x(run, source)
      cross join lateral (select * from history r where r.id = x.source limit 1) s
      where h.id = x.run;
  end if;
  if w_run is not null then
    insert into follow_up (run, project, by, reason, at, drop_at)
      select h.id, h.project, x.by, x.reason, moment, h.drop_at
      from unnest(w_run, ${items('w_by')}, ${items('w_reason')}) x(run, by, reason)
      cross join lateral (select * from history r where r.id = x.run limit 1) h
      order by h.id
      -- What was discarded stays so by its first reason; what was retried is no dead letter.
      on conflict do nothing;
  end if;`;
