import { OUTCOMES } from '#core';
import { type Reader, ms } from './reader.js';

/** So many rows are looked at: who is further behind need not know how far. */
const PLACE_LOOKS = 1_000;
/** Of the newest ended runs of a project, so many are looked through for those of one job. */
const LOOKED_THROUGH = 500;
const SUCCEEDED = OUTCOMES.indexOf('SUCCEEDED');

export interface PlaceRow {
  /** How many stand before it. */
  readonly place: number;
  /** There are more, which were not counted. */
  readonly isMore: boolean;
}

/**
 * How many runs of the same lane (project, priority, pool, need), in whatever partition, are
 * granted before this one; undefined for one in no lane. An open attempt leaves its run's row in
 * the lane: it is looked at and not counted.
 */
export async function readPlace(
  reader: Reader,
  project: string,
  run: string,
): Promise<PlaceRow | undefined> {
  const [row] = await reader.scoped<PlaceRow & Record<string, unknown>>(
    [project],
    `select c.place, c."isMore" from live me cross join lateral (
        select count(*) = ${PLACE_LOOKS} as "isMore",
            (count(*) filter (where a.taken and not exists (
              select from open_attempt o where o.partition = a.partition and o.run = a.id)))::int4
            as place
          from (select b.* from partition p cross join lateral (
              select l.id, l.partition, l.taken from live l
                where l.partition = p.id and l.lane = me.lane and l.lane is not null
                  and (l.rank, l.id) < (me.rank, me.id)
                order by l.partition, l.lane, l.rank, l.id limit ${PLACE_LOOKS}) b
            limit ${PLACE_LOOKS}) a) c
      where me.id = $2 and me.lane > 15`,
    [run],
  );
  return row;
}

/** A message about a run that PostgreSQL refused for good. */
export interface AsideView {
  readonly kind: string;
  readonly error: string;
  readonly at: number;
}

/** The newest of a run that is not final, for who may see the run. */
export async function readAside(
  reader: Reader,
  project: string,
  run: string,
): Promise<AsideView | undefined> {
  const [row] = await reader.scoped<AsideView & Record<string, unknown>>(
    [project],
    `select a.kind, a.error, ${ms('a.at')} as at from aside a
      where a.run = $2 and exists (select from live l where l.id = $2)
      order by a.at desc limit 1`,
    [run],
  );
  return row;
}

/**
 * How long the newest successful runs of a job took, `limit` at most. History has no index on the
 * job, as one costs each commit a tenth (decision 13): the project's newest are looked through.
 */
export async function readRunTimes(
  reader: Reader,
  project: string,
  job: string,
  limit: number,
): Promise<number[]> {
  const rows = await reader.scoped<{ took: number }>(
    [project],
    `select ${ms('n.finished_at - n.started_at')} as took from (
        select h.id, h.job, h.outcome, h.started_at, h.finished_at from history h
          where h.project = $2 order by h.id desc limit ${LOOKED_THROUGH}) n
      where n.job = $3 and n.outcome = ${SUCCEEDED} and n.started_at is not null
      order by n.id desc limit $4::int4`,
    [project, job, limit],
  );
  return rows.map(({ took }) => took);
}
