import {
  type AuditedRow,
  type Cell,
  type ClusterView,
  EXECUTOR_STATES,
  type Expiry,
  type Fetched,
  type FinalRun,
  type HeldPage,
  INBOX_SUBMIT,
  type InboxRow,
  type LanePage,
  type LanesPage,
  type LoadWanted,
  type LoadedPartition,
  type LoadedRun,
  type Millis,
  type NodeView,
  RUN_STATES,
  type RunRow,
  cellOf,
  executorOf,
  nameOf,
} from '#core';
import { type PartitionTable, type Tables, runNow } from './tables.js';

/** Bodies above this stay behind until an assignment wants them. */
const PARAMS_MAX = 4_096;
const LANES_MAX = 1_024;

export function loadedOf(tables: Tables, row: RunRow): LoadedRun {
  const specification = tables.specifications.get(`${row.project}/${row.spec}`);
  if (specification === undefined) throw new Error(`specification ${row.spec} does not exist`);
  const isLarge = (row.params?.length ?? 0) > PARAMS_MAX;
  const read = isLarge ? { ...row, params: null, params_left: true } : row;
  return { cell: cellOf(read, specification.policy), taken: row.taken };
}

const inOrder = (a: readonly [number, string], b: readonly [number, string]): number =>
  a[0] - b[0] || (a[1] < b[1] ? -1 : 1);

const rowsOf = (table: PartitionTable): RunRow[] =>
  [...table.live.values()].map((live) => runNow(table, live));

/** The head of a lane: what may be granted next, or is due next. */
export function laneHead(tables: Tables, { partition, lane, window }: LanePage): Cell[] {
  const table = tables.partition(partition);
  return [...table.live.values()]
    .filter((live) => live.lane === lane && live.taken && !table.open.has(live.id))
    .sort((a, b) => inOrder([a.rank, a.id], [b.rank, b.id]))
    .slice(0, window)
    .map((live) => loadedOf(tables, runNow(table, live)).cell);
}

/** What stands in the lanes by the index, open attempts among them. */
export function lanesOf(tables: Tables, of: LanesPage): AuditedRow[] {
  const { partition, epoch, after, window } = of;
  const table = tables.partition(partition);
  if (table.epoch !== epoch) return [];
  const rows: AuditedRow[] = [];
  for (const { id, lane, rank, taken } of table.live.values()) {
    if (lane === null || (after !== null && byPlace({ id, lane, rank }, after) <= 0)) continue;
    const isOpen = table.open.has(id);
    const isTaken = taken || isOpen;
    const isInInbox = !isTaken && table.inbox.has(id);
    rows.push({ id, lane, rank, taken: isTaken, isOpen, isInInbox });
  }
  return rows.sort(byPlace).slice(0, window);
}

type Place = Pick<AuditedRow, 'lane' | 'rank' | 'id'>;

/** Lanes are written without leading zeros: the longer one is the greater. */
function byPlace(a: Place, b: Place): number {
  if (a.lane !== b.lane) return a.lane.length - b.lane.length || (a.lane < b.lane ? -1 : 1);
  return a.id === b.id ? 0 : inOrder([a.rank, a.id], [b.rank, b.id]);
}

export function loadsOf(
  tables: Tables,
  { partitions, window }: LoadWanted,
): Map<number, LoadedPartition> {
  const loaded = new Map<number, LoadedPartition>();
  for (const { partition, epoch } of partitions) {
    if (tables.partition(partition).epoch !== epoch) continue;
    loaded.set(partition, loadOf(tables, partition, window));
  }
  return loaded;
}

function loadOf(tables: Tables, partition: number, window: number): LoadedPartition {
  const table = tables.partition(partition);
  const open = rowsOf(table).filter((row) => row.is_open);
  const waiting = [...table.live.values()].filter(
    (live) => live.lane !== null && live.taken && !table.open.has(live.id),
  );
  const lanes = [...new Set(waiting.map((live) => live.lane as string))].sort();
  return {
    seq: table.seq,
    cells: [
      ...open.map((row) => loadedOf(tables, row).cell),
      ...lanes.slice(0, LANES_MAX).flatMap((lane) => laneHead(tables, { partition, lane, window })),
    ],
    executors: [...table.executors.values()].map(executorOf),
    holds: new Map(tables.holds),
  };
}

export function heldOf(tables: Tables, { partition, job, after, window }: HeldPage): Cell[] {
  const table = tables.partition(partition);
  return rowsOf(table)
    .filter((row) => row.job === job && row.lane === null && row.taken && !row.is_open)
    .filter((row) => after === null || row.id > after)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, window)
    .map((row) => loadedOf(tables, row).cell);
}

export function expiriesOf(table: PartitionTable, after: Millis, window: number): Expiry[] {
  return rowsOf(table)
    .filter((row) => row.expires !== null && row.expires >= after && row.taken)
    .map(({ id, expires }) => ({ id, expires: expires as number }))
    .sort((a, b) => inOrder([a.expires, a.id], [b.expires, b.id]))
    .slice(0, window);
}

export function runsOf(tables: Tables, ids: readonly string[]): Fetched {
  const live = new Map<string, LoadedRun>();
  const final = new Map<string, FinalRun>();
  for (const id of ids) {
    const found = tables.find(id);
    const ended = tables.history.get(id);
    if (found !== undefined) live.set(id, loadedOf(tables, runNow(found.table, found.live)));
    else if (ended !== undefined) {
      const { state, project, job } = ended;
      final.set(id, { state: nameOf(RUN_STATES, state), project, job });
    }
  }
  return { live, final };
}

export function inboxOf(tables: Tables, partitions: readonly number[], each: number): InboxRow[] {
  const rows: InboxRow[] = [];
  for (const partition of partitions) {
    const table = tables.partition(partition);
    if (table.inbox.size === 0) continue;
    const ids = [...table.inbox.keys()].sort().slice(0, each);
    for (const id of ids) {
      const entry = table.inbox.get(id);
      if (entry === undefined) throw new Error('an inbox row went while it was read');
      const live = entry.kind === INBOX_SUBMIT ? table.live.get(id) : undefined;
      const run = live && loadedOf(tables, runNow(table, live));
      rows.push({ partition, ...entry, run });
    }
  }
  return rows;
}

export function viewOf(tables: Tables, at: Millis): ClusterView {
  const nodes: NodeView[] = [];
  for (const { thread, session, seen, hearsMs } of tables.nodes.values()) {
    nodes.push({ thread, session, ageMs: Math.round(at - seen), hearsMs });
  }
  const ago = (then: Millis | null): Millis | null =>
    then === null ? null : Math.round(at - then);
  const closed = tables.partitions.flatMap((of) =>
    [...of.executors.values()]
      .filter((executor) => executor.closed !== null)
      .map(({ id, closed: code, emptyBy }) => ({
        executor: id,
        isDrained: EXECUTOR_STATES[code ?? 0] === 'DRAINING',
        leftMs: emptyBy === null ? null : Math.round(emptyBy - at),
      })),
  );
  return {
    at,
    closed,
    nodes,
    partitions: tables.partitions.map((of) => ({
      id: of.id,
      epoch: of.epoch,
      owner: of.owner,
      wantedBy: of.wantedBy,
      claimedMsAgo: ago(of.claimedAt),
      wantedMsAgo: ago(of.wantedAt),
      gaveUp: of.gaveUp,
      gaveUpMsAgo: ago(of.gaveUpAt),
    })),
  };
}
