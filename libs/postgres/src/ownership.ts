import { EXECUTOR_STATES } from '#core';
import type { ClaimsWanted, ClusterView, Fence, AtEpoch, NodeStats } from '#core';
import type { Connection } from './connection.js';
import { FORMAT } from './installation.js';

type ClosedTuple = [string, number, number | null];
type NodeTuple = [string, string, number, number];
type PartitionTuple = [
  number,
  number,
  string | null,
  string | null,
  number | null,
  number | null,
  number,
  number | null,
];

interface TouchRow extends Record<string, unknown> {
  readonly at: number;
  readonly nodes: string;
  readonly partitions: string;
  readonly closed: string | null;
}

/** Says "I am here" by the database's clock, and answers who else is and who owns what. */
export async function touchNode(
  connection: Connection,
  thread: string,
  session: string,
  scheduler: string,
  stats?: NodeStats,
): Promise<ClusterView> {
  const [row] = await connection.query<TouchRow>(
    'touch_node',
    'select * from touch_node($1, $2, $3, $4::int4, $5)',
    [thread, session, scheduler, FORMAT, stats === undefined ? null : JSON.stringify(stats)],
    5_000,
  );
  if (row === undefined) throw new Error('touch_node answered no row');
  return {
    at: row.at,
    closed: (JSON.parse(row.closed ?? '[]') as ClosedTuple[]).map(([executor, state, leftMs]) => ({
      executor,
      isDrained: EXECUTOR_STATES[state] === 'DRAINING',
      leftMs,
    })),
    nodes: (JSON.parse(row.nodes) as NodeTuple[]).map(([name, of, ageMs, hearsMs]) => ({
      thread: name,
      session: of,
      ageMs,
      hearsMs,
    })),
    partitions: (JSON.parse(row.partitions) as PartitionTuple[]).map(
      ([id, epoch, owner, wantedBy, claimedMsAgo, wantedMsAgo, gaveUp, gaveUpMsAgo]) => ({
        id,
        epoch,
        owner,
        wantedBy,
        claimedMsAgo,
        wantedMsAgo,
        gaveUp,
        gaveUpMsAgo,
      }),
    ),
  };
}

/** Who has the name of a scheduler already: its latest thread, if it has said anything yet. */
export interface NameHolder {
  readonly session: string | null;
  readonly ageMs: number | null;
}

/** From now on it is this connection's, until that ends; or else who has it. */
export async function takeName(
  connection: Connection,
  name: string,
): Promise<NameHolder | undefined> {
  const [row] = await connection.query<{
    mine: boolean;
    session: string | null;
    age: number | null;
  }>('take_name', 'select * from take_name($1)', [name], 2_000);
  if (row === undefined) throw new Error('take_name answered no row');
  return row.mine ? undefined : { session: row.session, ageMs: row.age };
}

export async function leaveNode(
  connection: Connection,
  thread: string,
  session: string,
): Promise<void> {
  await connection.query('leave_node', 'select leave_node($1, $2)', [thread, session], 2_000);
}

/** The new epochs; those whose epoch had moved on are left out. Null: somebody holds its lock. */
export async function claimPartitions(
  connection: Connection,
  { claims, thread }: ClaimsWanted,
): Promise<ReadonlyMap<number, { readonly epoch: number; readonly seq: number } | null>> {
  const rows = await connection.query<{ id: number; epoch: number | null; seq: number }>(
    'claim_partitions',
    'select * from claim_partitions($1::int2[], $2::int8[], $3)',
    [claims.map((claim) => claim.partition), claims.map((claim) => claim.expected), thread],
    5_000,
  );
  return new Map(rows.map(({ id, epoch, seq }) => [id, epoch === null ? null : { epoch, seq }]));
}

/** Undefined: the epoch had moved on, or somebody holds its lock. */
export async function claimPartition(
  connection: Connection,
  partition: number,
  expected: number,
  thread: string,
): Promise<{ readonly epoch: number; readonly seq: number } | undefined> {
  const claimed = { claims: [{ partition, expected }], thread };
  return (await claimPartitions(connection, claimed)).get(partition) ?? undefined;
}

/** Those that are at their epoch yet. */
export async function releasePartitions(
  connection: Connection,
  held: readonly AtEpoch[],
  reason: string,
): Promise<void> {
  await connection.query(
    'release_partitions',
    'select release_partitions($1::int2[], $2::int8[], $3)',
    [held.map(({ partition }) => partition), held.map(({ epoch }) => epoch), reason],
    2_000,
  );
}

export async function giveUpPartition(
  connection: Connection,
  partition: number,
  epoch: number,
  reason: string,
): Promise<void> {
  await connection.query(
    'give_up_partition',
    'select give_up_partition($1::int2, $2::int8, $3)',
    [partition, epoch, reason],
    2_000,
  );
}

export async function wantPartition(
  connection: Connection,
  partition: number,
  thread: string,
): Promise<void> {
  await connection.query(
    'want_partition',
    'select want_partition($1::int2, $2)',
    [partition, thread],
    2_000,
  );
}

export async function tellFences(
  connection: Connection,
  thread: string,
  fences: readonly Fence[],
): Promise<void> {
  await connection.query(
    'tell_fences',
    'select tell_fences($1, $2::int4[], $3::int8[], $4::int4[], $5::int4[], $6::int4[])',
    [
      thread,
      ...(['partition', 'epoch', 'events', 'granted', 'finished'] as const).map((name) =>
        fences.map((fence) => fence[name]),
      ),
    ],
    2_000,
  );
}
