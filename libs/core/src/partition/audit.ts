import { compareRanked } from '../kernel/window.js';
import { type Cell, isOpen } from '../run/run.js';
import type { AuditedRow, PartitionMessage } from './messages.js';
import {
  type PartitionState,
  type Step,
  fetchThen,
  isOldNews,
  laneWindow,
  newRead,
  perform,
  readDone,
  refill,
} from './state.js';

/**
 * Architecture §4, Self-audit: what stands in the lanes of the index is compared with memory, a
 * page at a time and round after round. What memory does not explain is a defect of ours: it is
 * told, and put right.
 */
export function audit({ state, emit }: Step): void {
  if (state.auditing) return;
  state.auditing = true;
  const effect = { kind: 'read-lanes', after: state.audited, read: newRead(state) } as const;
  emit({ to: 'world', effect });
}

export function lanesRead(
  step: Step,
  { read, rows, complete }: Extract<PartitionMessage, { kind: 'lanes-read' }>,
): void {
  const { state } = step;
  for (const row of rows) {
    const what = isOldNews(state, row.id, read) ? undefined : missing(state, row);
    if (what !== undefined) mend(step, row, what);
  }
  readDone(state, read);
  state.auditing = false;
  state.audited = complete ? null : (rows.at(-1) ?? null);
  if (complete) state.lanesLeft = false;
}

/** What has an open attempt, or stands in the window of its lane. */
export function isKept(state: PartitionState, { facts, lane, rank }: Cell): boolean {
  if (state.open.has(facts.id)) return true;
  return lane !== null && state.lanes.get(lane)?.window.has({ id: facts.id, rank }) === true;
}

/** Why it is not explained; undefined: it is, by exactly one place. */
function missing(state: PartitionState, row: AuditedRow): string | undefined {
  const cell = state.cells.get(row.id);
  // It changed since the page was read, in front of us: memory is newer.
  if (cell !== undefined) {
    if (isKept(state, cell) || (cell.lane === null && !isOpen(cell.state))) return undefined;
    return 'it is in memory, and stands in no line';
  }
  // What failed is left alone, and is read anew when its time has come.
  if (state.fetching.has(row.id) || state.benched.has(row.id)) return undefined;
  if (row.isOpen) return 'its attempt is open, and is not in memory';
  if (!row.taken) return row.isInInbox ? undefined : 'it was never taken in';
  const lane = state.lanes.get(row.lane);
  if (lane === undefined) return 'its line is not in memory';
  if (lane.refilling) return undefined;
  const last = lane.window.last();
  // Rows know whole milliseconds: within the same one their order may be another.
  const isBehind = last === undefined || compareRanked(row, last) > 0 || last.rank - row.rank < 1;
  if (isBehind && !lane.window.complete) return undefined;
  return 'it is not where it should stand in its line';
}

function mend(step: Step, row: AuditedRow, what: string): void {
  const { state } = step;
  const { id: run } = row;
  // A load brings so many lanes and no more: what is left comes in here.
  const isLeft = state.lanesLeft && row.taken && !row.isOpen && !state.lanes.has(row.lane);
  const cell = state.cells.get(run);
  const reload = cell === undefined ? row.isOpen : isOpen(cell.state);
  if (!isLeft) perform(step, { kind: 'unexplained', run, what, reload });
  if (reload) return;
  // Its line brings it back as its row has it.
  state.cells.delete(run);
  if (!row.taken) fetchThen(step, run, { kind: 'expire', run });
  else {
    const lane = laneWindow(state, row.lane);
    if (!lane.refilling) refill(step, row.lane, lane);
  }
}
