import pg from 'pg';
import type { Connection } from './connection.js';

/** A partition of time that is missing, or one that is wholly past what is kept. */
export interface TimeWork {
  readonly kind: 'make' | 'drop';
  readonly name: string;
}
/** A default partition that is not empty; counted up to 1,000. */
export interface Stray {
  readonly table: string;
  readonly rows: number;
}
export interface UpkeepWork {
  readonly times: readonly TimeWork[];
  readonly strays: readonly Stray[];
}

const UPKEEP_LOCK = 7_211_734;
const DEADLINE_MS = 5_000;
const LOCK_NOT_AVAILABLE = '55P03';

/** On one connection at a time, until it ends. False: another one has it. */
export async function beginUpkeep(connection: Connection): Promise<boolean> {
  const [row] = await connection.query<{ mine: boolean }>(
    'begin_upkeep',
    'select pg_try_advisory_lock($1) as mine',
    [UPKEEP_LOCK],
    DEADLINE_MS,
  );
  return row?.mine === true;
}

export async function readUpkeep(connection: Connection): Promise<UpkeepWork> {
  const rows = await connection.query<{
    kind: TimeWork['kind'] | 'stray';
    name: string;
    found: number | null;
  }>('upkeep_work', 'select * from upkeep_work()', [], DEADLINE_MS);
  const times: TimeWork[] = [];
  const strays: Stray[] = [];
  for (const { kind, name, found } of rows) {
    if (kind === 'stray') strays.push({ table: name, rows: found ?? 0 });
    else times.push({ kind, name });
  }
  return { times, strays };
}

/**
 * In a transaction of its own. `busy`: the table was in use for longer than commits may queue
 * behind this; nothing was done.
 */
export async function keepTime(
  connection: Connection,
  { kind, name }: TimeWork,
): Promise<'done' | 'busy'> {
  const call = `${kind}_time_partition`;
  try {
    await connection.query(call, `select ${call}($1)`, [name], DEADLINE_MS);
    return 'done';
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE) return 'busy';
    throw error;
  }
}

/** At most `limit` rows of each table; answers how many there were in all. */
export async function emptyExpired(connection: Connection, limit: number): Promise<number> {
  const [row] = await connection.query<{ emptied: number }>(
    'empty_expired',
    'select empty_expired($1::int4) as emptied',
    [limit],
    DEADLINE_MS,
  );
  return row?.emptied ?? 0;
}
