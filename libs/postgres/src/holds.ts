import type { Cell, HeldPage, Hold } from '#core';
import type { Connection } from './connection.js';
import { FIRST_ID, type ReadRow, cellIn, holdOf } from './load.js';
import type { Specifications } from './specifications.js';

/** Null: the job is not paused. */
export async function loadHold(connection: Connection, job: string): Promise<Hold | null> {
  const [row] = await connection.query<{ by: string | null; reason: string | null }>(
    'load_hold',
    'select * from load_hold($1::uuid)',
    [job],
  );
  return row === undefined ? null : holdOf(row.by, row.reason);
}

/** A page of the job's runs that stand in no line, in the order of their ids. */
export async function loadHeld(
  connection: Connection,
  of: HeldPage,
  specifications: Specifications,
): Promise<Cell[]> {
  const rows = await connection.query<ReadRow>(
    'load_held',
    'select * from load_held($1::int2, $2::uuid, $3::uuid, $4::int4)',
    [of.partition, of.job, of.after ?? FIRST_ID, of.window],
  );
  const found = await specifications.find(connection, rows);
  return rows.map((row) => cellIn(row, found));
}
