import { LOG_LOCK } from './journal.sql.js';

const utf8 = (column: string): string => `convert_from(${column}, 'UTF8')`;
const source = (r: string): string => `
    ${r}.id, ${r}.partition, (select p.name from project p where p.id = ${r}.project), ${r}.attempt,
    ${r}.executor, ${utf8(`${r}.record`)}, (select ${utf8('s.policy')} from specification s
      where s.project = ${r}.project and s.hash = ${r}.spec)`;

/**
 * Whose a log is, and how its middle goes when it is too long. What is kept are its first and its
 * last bytes in the order of their arrival, over all streams of the attempt; the first chunk of
 * each stream behind the hole says how much is missing before it.
 */
export const LOG_BOUND = `
create type log_source as (
  run uuid, partition int2, project text, attempt int4, executor text, record text, policy text);

create function log_sources(p_ids uuid[]) returns setof log_source
language plpgsql stable security definer set search_path = orrery, pg_temp
set enable_seqscan = off set enable_sort = off as $$
begin
  return query select ${source('r')} from run_now r where r.id = any (p_ids);
  -- The order is that of the index by id, whatever is known of a partition.
  return query select f.* from unnest(p_ids) k(id) cross join lateral (
    select ${source('h')} from history h where h.id = k.id order by h.drop_at desc limit 1) f;
end $$;

create function log_bounds(p_day date, p_run uuid, p_attempt int4, p_half int8,
  out bytes int8, out head int8, out tail int8)
language plpgsql stable security definer set search_path = orrery, pg_temp
set enable_seqscan = off as $$
begin
  select coalesce(max(x.upto), 0), max(x.seq) filter (where x.upto - x.own < p_half),
      min(x.seq) filter (where x.total - x.upto < p_half)
    into bytes, head, tail
    from (select c.seq, c.bytes as own, sum(c.bytes) over (order by c.seq) as upto,
          sum(c.bytes) over () as total
        from log_chunk c where c.day = p_day and c.run = p_run and c.attempt = p_attempt) x;
end $$;

create function cut_log(p_partition int4, p_day date, p_run uuid, p_attempt int4, p_head int8,
  p_tail int8, p_limit int4) returns int4
language plpgsql security definer set search_path = orrery, pg_temp
set enable_seqscan = off set enable_sort = off as $$
declare c int4;
begin
  perform pg_advisory_xact_lock(${LOG_LOCK}, p_partition);
  delete from log_chunk x using (
      select y.ctid as at from log_chunk y where y.day = p_day and y.run = p_run and y.seq > p_head
        and y.seq < p_tail and y.attempt = p_attempt order by y.seq limit p_limit) z
    where x.day = p_day and x.ctid = z.at;
  get diagnostics c = row_count;
  update log_chunk x set gap = z.gap
    from (select n.at, nullif(greatest(n."offset" - coalesce(b.ends, 0), 0), 0) as gap
      from generate_series(0, 3) s(stream)
      cross join lateral (select y.ctid as at, y."offset" from log_chunk y where y.day = p_day
        and y.run = p_run and y.seq > p_head and y.attempt = p_attempt and y.stream = s.stream
        order by y.seq limit 1) n
      left join lateral (select y."offset" + y.bytes as ends from log_chunk y where y.day = p_day
        and y.run = p_run and y.seq <= p_head and y.attempt = p_attempt and y.stream = s.stream
        order by y.seq desc limit 1) b on true) z
    where x.day = p_day and x.ctid = z.at and x.gap is distinct from z.gap;
  return c;
end $$;
`;
