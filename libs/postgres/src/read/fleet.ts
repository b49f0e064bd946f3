import { type Reader, ms } from './reader.js';

export interface BusyRow {
  readonly executor: string;
  /** Attempts that are granted to it and not over. */
  readonly busy: number;
}
export interface PoolWaitingRow {
  readonly pool: string;
  readonly waiting: number;
  /** Since when the one waits that has waited longest. */
  readonly oldest: number;
}
type Row<T> = T & Record<string, unknown>;

export async function countBusy(reader: Reader, projects: readonly string[]): Promise<BusyRow[]> {
  return await reader.scoped<Row<BusyRow>>(
    projects,
    `select o.executor, count(*)::int4 as busy from open_attempt o group by o.executor`,
    [],
  );
}

/** Of all that wait for an executor: every row of `live` in such a lane is read. */
export async function countWaiting(
  reader: Reader,
  projects: readonly string[],
): Promise<PoolWaitingRow[]> {
  return await reader.scoped<Row<PoolWaitingRow>>(
    projects,
    `select l.pool, count(*)::int4 as waiting,
        ${ms('min(coalesce(l.ready_at, l.submitted_at))')} as oldest
      from live l where l.lane > 15 and not exists (
        select from open_attempt o where o.partition = l.partition and o.run = l.id)
      group by l.pool`,
    [],
  );
}
