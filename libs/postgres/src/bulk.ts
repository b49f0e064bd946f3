import pg from 'pg';
import type { Connection } from './connection.js';
import { INTAKE_PARAMETERS } from './functions/intake.sql.js';
import { INTAKE_CALL, type IntakeBatch, encodeIntake } from './intake.js';
import { uuidArray } from './read/reader.js';

/** The index of a state is its code. */
export const BULK_STATES = ['RUNNING', 'DONE', 'FAILED', 'CANCELLED'] as const;
export type BulkState = (typeof BULK_STATES)[number];

/** An action on many runs, as it is asked for. */
export interface NewBulk {
  readonly id: string;
  readonly project: string;
  /** JSON: what the gateways that work at it go by. */
  readonly request: string;
  readonly by: string;
  /** The newest run that it is for. */
  readonly last: string;
  readonly matched: number;
  readonly key: { readonly key: string; readonly hash: string } | undefined;
}
/** Whose turn it is to work at it, and for how long without a renewal. */
export interface Lease {
  readonly holder: string;
  readonly leaseMs: number;
}
/** One that the caller has the lease of. */
export interface HeldBulk {
  readonly id: string;
  readonly project: string;
  readonly request: string;
  readonly by: string;
  readonly last: string;
  /** The last run that it has met. */
  readonly cursor: string;
  readonly applied: number;
  readonly refused: number;
}
export interface BulkProgress {
  /** By the database's clock. */
  readonly at: number;
  readonly applied: number;
  readonly refused: number;
  /** Runs that were not made, as others hold their dedup keys. */
  readonly folded: ReadonlySet<string>;
}

/**
 * Undefined: so many are under way already. Else the bulk that the key stands for, with the hash of
 * the request that it was made by; without a key that is this one. Safe to repeat.
 */
export async function beginBulk(
  connection: Connection,
  bulk: NewBulk,
  lease: Lease,
  max: number,
): Promise<{ readonly id: string; readonly hash: string | null } | undefined> {
  const { id, project, request, by, last, matched, key } = bulk;
  const [row] = await connection.query<{ held: string | null; held_hash: string | null }>(
    'begin_bulk',
    `select * from begin_bulk($1::uuid, $2::uuid, $3, $4, $5::uuid, $6::int4, $7::int4, $8,
      $9::int4, $10, $11::uuid)`,
    [
      ...[id, project, request, by, last, matched, max, lease.holder, lease.leaseMs],
      ...[key?.key, key?.hash],
    ],
  );
  return row?.held ? { id: row.held, hash: row.held_hash } : undefined;
}

const AFTER = INTAKE_PARAMETERS.length;
const ADVANCE = ['uuid', 'text', 'uuid', 'uuid', 'uuid', 'int4', 'int4', 'bool'].map(
  (type, i) => `$${AFTER + i + 1}::${type}`,
);
const ADVANCE_CALL = `with t as materialized (${INTAKE_CALL})
  select t.at, t.folds, a.applied, a.refused from t cross join lateral
    advance_bulk(${[...ADVANCE.slice(0, 7), 't.folds', ...ADVANCE.slice(7)].join(', ')}) a`;

/**
 * A chunk: its rows and the new place of the cursor, both or neither. Undefined: somebody else has
 * the lease, or an earlier call got through after all; nothing was written. Safe to repeat.
 */
export async function advanceBulk(
  connection: Connection,
  bulk: HeldBulk,
  holder: string,
  batch: IntakeBatch,
  to: Pick<HeldBulk, 'cursor' | 'applied' | 'refused'> & { readonly isDone: boolean },
): Promise<BulkProgress | undefined> {
  try {
    const [row] = await connection.query<{
      at: number;
      folds: string | null;
      applied: number;
      refused: number;
    }>('advance_bulk', ADVANCE_CALL, [
      ...encodeIntake(batch),
      ...[bulk.id, holder, batch.id, bulk.cursor, to.cursor, to.applied, to.refused, to.isDone],
    ]);
    if (row === undefined) throw new Error('the bulk answered no row');
    const { at, applied, refused } = row;
    const folds = JSON.parse(row.folds ?? '[]') as [string, string][];
    return { at, applied, refused, folded: new Set(folds.map(([run]) => run)) };
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === 'OR005') return undefined;
    throw error;
  }
}

export async function failBulk(
  connection: Connection,
  id: string,
  holder: string,
  failure: string,
): Promise<void> {
  const text = 'select fail_bulk($1::uuid, $2, $3)';
  await connection.query('fail_bulk', text, [id, holder, failure]);
}

/** It is left alone for a while; after `max` times in a row it has failed, by these words. */
export async function slowBulk(
  connection: Connection,
  id: string,
  holder: string,
  max: number,
  failure: string,
): Promise<void> {
  const text = 'select slow_bulk($1::uuid, $2, $3::int4, $4)';
  await connection.query('slow_bulk', text, [id, holder, max, failure]);
}

/** false: it is over already. */
export async function cancelBulk(
  connection: Connection,
  id: string,
  by: string,
  reason: string,
): Promise<boolean> {
  const text = 'select cancel_bulk($1::uuid, $2, $3) as done';
  const [row] = await connection.query<{ done: boolean }>('cancel_bulk', text, [id, by, reason]);
  return row?.done === true;
}

/** Renews the leases of these, and answers with what it has taken over. */
export async function keepBulks(
  connection: Connection,
  held: readonly string[],
  { holder, leaseMs }: Lease,
  limit: number,
): Promise<HeldBulk[]> {
  return await connection.query<HeldBulk & Record<string, unknown>>(
    'keep_bulks',
    `select id, project, request, by, last, cursor, applied, refused
      from keep_bulks($1, $2::uuid[], $3::int4, $4::int4)`,
    [holder, uuidArray(held), leaseMs, limit],
  );
}

/** Who comes next need not wait for the leases to run out. */
export async function releaseBulks(connection: Connection, holder: string): Promise<void> {
  await connection.query('release_bulks', 'select release_bulks($1)', [holder], 2_000);
}
