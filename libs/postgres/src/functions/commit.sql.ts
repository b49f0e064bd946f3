import { KEYS } from './keys.sql.js';
import { body, items, time } from './separators.js';

/** Every parameter of the commit in order: the JavaScript side fills them from the same table. */
export const COMMIT_PARAMETERS = [
  // the partitions of the batch, their epochs, how many events each appends, and its segment
  ['p_id', 'int2[]'],
  ['p_epoch', 'int8[]'],
  ['p_events', 'int4[]'],
  ['p_segments', 'text'],
  // inbox rows that are applied
  ['i_partition', 'int2[]'],
  ['i_id', 'uuid[]'],
  // runs that a person changed
  ['e_id', 'uuid[]'],
  ['e_priority', 'int2[]'],
  ['e_due', 'float8[]'],
  ['e_expires', 'float8[]'],
  ['e_params', 'text'],
  ['e_labels', 'text'],
  // runs that changed, and have no open attempt
  ['u_id', 'uuid[]'],
  ['u_state', 'int2[]'],
  ['u_lane', 'int8[]'],
  ['u_rank', 'int8[]'],
  ['u_ready', 'float8[]'],
  ['u_attempt', 'int4[]'],
  ['u_spent', 'int4[]'],
  ['u_record', 'text'],
  // attempts that are over
  ['d_partition', 'int2[]'],
  ['d_run', 'uuid[]'],
  // attempts that are granted
  ['g_partition', 'int2[]'],
  ['g_run', 'uuid[]'],
  ['g_project', 'uuid[]'],
  ['g_state', 'int2[]'],
  ['g_attempt', 'int4[]'],
  ['g_spent', 'int4[]'],
  ['g_executor', 'text'],
  ['g_incarnation', 'int4[]'],
  ['g_epoch', 'int8[]'],
  ['g_seq', 'int8[]'],
  ['g_rank', 'int8[]'],
  ['g_ready', 'float8[]'],
  ['g_started', 'float8[]'],
  ['g_record', 'text'],
  // open attempts that changed
  ['o_partition', 'int2[]'],
  ['o_run', 'uuid[]'],
  ['o_state', 'int2[]'],
  ['o_started', 'float8[]'],
  ['o_record', 'text'],
  // runs that became final
  ['f_id', 'uuid[]'],
  ['f_state', 'int2[]'],
  ['f_outcome', 'int2[]'],
  ['f_finished', 'float8[]'],
  ['f_retention', 'float8[]'],
  ['f_ready', 'float8[]'],
  ['f_started', 'float8[]'],
  ['f_attempt', 'int4[]'],
  ['f_spent', 'int4[]'],
  ['f_executor', 'text'],
  ['f_record', 'text'],
  ['f_result', 'text'],
  ['f_error', 'text'],
  // dedup keys that are given back, results that stand for others
  ['l_project', 'uuid[]'],
  ['l_key', 'uuid[]'],
  ['l_run', 'uuid[]'],
  ['c_project', 'uuid[]'],
  ['c_key', 'uuid[]'],
  ['c_run', 'uuid[]'],
  ['c_expires', 'float8[]'],
  // final runs that have the result of another
  ['v_run', 'uuid[]'],
  ['v_from', 'uuid[]'],
  // dead letters that are discarded
  ['w_run', 'uuid[]'],
  ['w_by', 'text'],
  ['w_reason', 'text'],
  // answers to commands
  ['a_command', 'uuid[]'],
  ['a_partition', 'int2[]'],
  ['a_outcome', 'text'],
  // messages to other partitions
  ['m_partition', 'int2[]'],
  ['m_id', 'uuid[]'],
  ['m_kind', 'int2[]'],
  ['m_ref', 'uuid[]'],
  ['m_payload', 'text'],
  // executors
  ['x_id', 'text'],
  ['x_partition', 'int2[]'],
  ['x_pool', 'text'],
  ['x_state', 'int2[]'],
  ['x_incarnation', 'int4[]'],
  ['x_since', 'float8[]'],
  ['x_closed', 'int2[]'],
  ['x_empty_by', 'float8[]'],
  ['x_record', 'text'],
  // what was set aside
  ['s_id', 'uuid[]'],
  ['s_partition', 'int2[]'],
  ['s_run', 'uuid[]'],
  ['s_kind', 'text'],
  ['s_bytes', 'text'],
  ['s_error', 'text'],
  // inbox rows that are about to be applied alone
  ['t_partition', 'int2[]'],
  ['t_id', 'uuid[]'],
  // the latest planned time among what fired
  ['not_before', 'float8'],
] as const;

const FENCE = `
  perform 1 from partition where id = any (p_id) order by id for no key update;
  update partition q set seq = q.seq + x.n
    from unnest(p_id, p_epoch, p_events) x(id, epoch, n)
    where q.id = x.id and q.epoch = x.epoch;
  get diagnostics c = row_count;
  if c <> cardinality(p_id) then
    raise exception 'fenced' using errcode = 'OR001', detail = (
      select json_agg(x.id) from unnest(p_id, p_epoch) x(id, epoch)
        left join partition q on q.id = x.id where q.epoch is distinct from x.epoch);
  end if;
  moment := clock_timestamp();
  at := extract(epoch from moment) * 1000;
  if not_before > at then
    raise exception 'too early' using errcode = 'OR002', detail = at::text;
  end if;
  insert into journal (partition, seq, n, at, events)
    select q.id, q.seq - x.n + 1, x.n, moment, ${body('x.segment')}
    from unnest(p_id, p_events, ${items('p_segments')}) x(id, n, segment)
    join partition q on q.id = x.id where x.n > 0;`;

const INBOX = `
  if i_id is not null then
    with gone as (
      delete from inbox q using unnest(i_partition, i_id) x(partition, id)
        where q.partition = x.partition and q.id = x.id returning q.id)
      select array_agg(id) into applied from gone;
    if coalesce(cardinality(applied), 0) <> cardinality(i_id) then
      raise exception 'inbox rows gone' using errcode = 'OR003', detail = (
        select json_agg(x) from unnest(i_id) x where x <> all (coalesce(applied, '{}')));
    end if;
  end if;`;

const AMEND = `
  if e_id is not null then
    update live l set priority = x.priority, due = ${time('x.due')},
        expires = ${time('x.expires')}, params = coalesce(${body('x.params')}, l.params),
        labels = coalesce(${body('x.labels')}, l.labels),
        cache = case when ${body('x.params')} is null then l.cache end
      from unnest(e_id, e_priority, e_due, e_expires, ${items('e_params')}, ${items('e_labels')})
        x(id, priority, due, expires, params, labels)
      where l.id = x.id;
  end if;`;

const UPDATE = `
  if u_id is not null then
    update live l set state = x.state, taken = true, lane = x.lane, rank = x.rank,
        ready_at = ${time('x.ready')}, attempt = x.attempt, spent = x.spent,
        record = ${body('x.record')}
      from unnest(u_id, u_state, u_lane, u_rank, u_ready, u_attempt, u_spent,
        ${items('u_record')}) x(id, state, lane, rank, ready, attempt, spent, record)
      where l.id = x.id;
    get diagnostics c = row_count;
    if c <> cardinality(u_id) then
      raise exception 'a live row is gone' using errcode = 'OR901', detail = (
        select json_agg(x) from unnest(u_id) x where not exists (
          select from live l where l.id = x));
    end if;
  end if;`;

const OPEN = `
  if d_run is not null then
    delete from open_attempt o using unnest(d_partition, d_run) x(partition, run)
      where o.partition = x.partition and o.run = x.run;
  end if;
  if g_run is not null then
    insert into open_attempt (partition, run, project, state, attempt, spent, executor,
        incarnation, epoch, seq, rank, ready_at, started_at, record)
      select x.partition, x.run, x.project, x.state, x.attempt, x.spent, x.executor,
        x.incarnation, x.epoch, x.seq, x.rank, ${time('x.ready')}, ${time('x.started')},
        ${body('x.record')}
      from unnest(g_partition, g_run, g_project, g_state, g_attempt, g_spent,
        ${items('g_executor')}, g_incarnation, g_epoch, g_seq, g_rank, g_ready, g_started,
        ${items('g_record')})
        x(partition, run, project, state, attempt, spent, executor, incarnation, epoch, seq,
          rank, ready, started, record);
  end if;
  if o_run is not null then
    update open_attempt o set state = x.state, started_at = ${time('x.started')},
        record = ${body('x.record')}
      from unnest(o_partition, o_run, o_state, o_started, ${items('o_record')})
        x(partition, run, state, started, record)
      where o.partition = x.partition and o.run = x.run;
    get diagnostics c = row_count;
    if c <> cardinality(o_run) then
      raise exception 'an open attempt is gone' using errcode = 'OR901', detail = (
        select json_agg(x) from unnest(o_run) x where not exists (
          select from open_attempt o where o.run = x));
    end if;
  end if;`;

const FINAL = `
  if f_id is not null then
    with gone as (
      delete from live l using unnest(f_id, f_state, f_outcome, f_finished, f_retention, f_ready,
        f_started, f_attempt, f_spent, ${items('f_executor')}, ${items('f_record')},
        ${items('f_result')}, ${items('f_error')})
        x(id, state, outcome, finished, retention, ready, started, attempt, spent, executor,
          record, result, error)
      where l.id = x.id
      returning l.id, l.partition, l.project, l.job, l.job_version, l.spec, l.kind, x.state,
        l.pool, l.need, l.priority, l.due, l.expires, l.submitted_at, x.ready, x.attempt,
        x.spent, l.retry_of, l.dedup, l.cache, l.params, l.labels, x.record, x.executor,
        x.started, x.outcome, x.finished, x.retention, x.result, x.error)
    insert into history (id, partition, project, job, job_version, spec, kind, state,
        pool, need, priority, due, expires, submitted_at, ready_at, attempt, spent, retry_of,
        dedup, cache, params, labels, record, executor, started_at, outcome, finished_at,
        drop_at, result, error)
      select id, partition, project, job, job_version, spec, kind, state,
        pool, need, priority, due, expires, submitted_at, ${time('ready')}, attempt, spent,
        retry_of, dedup, cache, params, labels, ${body('record')}, executor,
        ${time('started')}, outcome, ${time('finished')},
        to_timestamp((finished + retention) / 1000), ${body('result')}, ${body('error')}
      from gone;
    get diagnostics c = row_count;
    if c <> cardinality(f_id) then
      raise exception 'a live row is gone' using errcode = 'OR901', detail = (
        select json_agg(x) from unnest(f_id) x where not exists (
          select from live l where l.id = x));
    end if;
  end if;`;

const REST = `
  if a_command is not null then
    insert into answer (command, partition, outcome)
      select x.id, x.partition, ${body('x.outcome')}
      from unnest(a_command, a_partition, ${items('a_outcome')}) x(id, partition, outcome)
      on conflict do nothing;
  end if;
  if m_id is not null then
    insert into inbox (partition, id, kind, ref, payload)
      select x.partition, x.id, x.kind, x.ref, ${body('x.payload')}
      from unnest(m_partition, m_id, m_kind, m_ref, ${items('m_payload')})
        x(partition, id, kind, ref, payload)
      on conflict do nothing;
  end if;
  if x_partition is not null then
    insert into executor (id, partition, pool, state, incarnation, closed, since, empty_by, record)
      select x.id, x.partition, x.pool, x.state, x.incarnation, x.closed, ${time('x.since')},
        ${time('x.empty_by')}, ${body('x.record')}
      from unnest(${items('x_id')}, x_partition, ${items('x_pool')}, x_state, x_incarnation,
        x_closed, x_since, x_empty_by, ${items('x_record')})
        x(id, partition, pool, state, incarnation, closed, since, empty_by, record)
      on conflict (id) do update set pool = excluded.pool, state = excluded.state,
        incarnation = excluded.incarnation, since = excluded.since, closed = excluded.closed,
        empty_by = excluded.empty_by, record = excluded.record;
  end if;
  if s_id is not null then
    insert into aside (id, partition, run, kind, bytes, error)
      select x.id, x.partition, x.run, x.kind, ${body('x.bytes')}, x.error
      from unnest(s_id, s_partition, s_run, ${items('s_kind')}, ${items('s_bytes')},
        ${items('s_error')}) x(id, partition, run, kind, bytes, error) on conflict do nothing;
  end if;
  if t_id is not null then
    update inbox q set tries = q.tries + 1 from unnest(t_partition, t_id) x(partition, id)
      where q.partition = x.partition and q.id = x.id;
  end if;`;

/**
 * A thread's whole batch, over all its partitions with something to say: one transaction, one round
 * trip (architecture §4). Refused whole when an epoch is not the current one. Nothing else writes
 * what it writes.
 */
export const COMMIT = `
create function commit_batch(
  ${COMMIT_PARAMETERS.map(([name, type]) => `${name} ${type}`).join(',\n  ')},
  out at float8, out wanted text, out timeline text)
language plpgsql security definer set search_path = orrery, pg_temp as $$
#variable_conflict use_column
declare c int4; moment timestamptz; applied uuid[];
begin
${FENCE}
${INBOX}
${AMEND}
${UPDATE}
${OPEN}
${FINAL}
${KEYS}
${REST}
  wanted := (select string_agg(q.id || ' ' || q.wanted_by, E'\\n') from partition q
    where q.id = any (p_id) and q.wanted_by is not null);
  timeline := substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8);
end $$;
`;
