import { type Cell, isOpen } from '../../run/run.js';
import { compareRanked } from '../../kernel/window.js';
import type { Effect } from '../effects.js';
import type { AuditedRow, Hold, PartitionMessage } from '../messages.js';
import type { PartitionState } from '../state.js';
import { copy } from './cell.js';

/** What is stored, as the owner's reads see it. */
export interface Store {
  readonly state: PartitionState;
  readonly rows: ReadonlyMap<string, Cell>;
  readonly history: ReadonlyMap<string, Cell>;
  readonly inbox: ReadonlySet<string>;
  readonly holds: ReadonlyMap<string, Hold>;
}
const HELD_PAGE = 2;
const AUDIT_PAGE = 3;

export function answerOf(store: Store, effect: Effect): PartitionMessage | undefined {
  const { rows, history, inbox, holds } = store;
  const { window, expiries } = store.state.limits;
  switch (effect.kind) {
    case 'fetch': {
      const { run, read } = effect;
      const row = rows.get(run);
      const cell = row === undefined ? null : copy(row);
      const taken = row !== undefined && !inbox.has(run);
      const ended = history.get(run);
      const final = ended && { state: ended.state, project: 'p', job: ended.facts.job };
      return { kind: 'fetched', run, cell, taken, final: final ?? null, read };
    }
    case 'refill': {
      const { lane, read } = effect;
      const cells = laneOfRows(store, lane).slice(0, window);
      return { kind: 'refilled', lane, read, cells, complete: cells.length < window };
    }
    case 'refill-expiries': {
      const items = [...rows.values()]
        .filter((cell) => cell.facts.expires !== null && cell.facts.expires >= effect.after)
        .map((cell) => ({ id: cell.facts.id, rank: cell.facts.expires ?? 0 }))
        .sort((a, b) => a.rank - b.rank)
        .slice(0, expiries);
      return { kind: 'expiries', items, complete: items.length < expiries };
    }
    case 'read-lanes': {
      const { after, read } = effect;
      const all = [...rows.values()]
        .flatMap((cell) => (cell.lane === null ? [] : [auditedOf(store, cell, cell.lane)]))
        .sort(byPlace)
        .filter((row) => after === null || byPlace(row, after) > 0);
      const page = all.slice(0, AUDIT_PAGE);
      return { kind: 'lanes-read', read, rows: page, complete: page.length < AUDIT_PAGE };
    }
    case 'read-job': {
      const { inbox: row, job } = effect;
      return { kind: 'job-read', inbox: row, job, hold: holds.get(job) ?? null };
    }
    case 'read-held': {
      const { inbox: row, job, after, read } = effect;
      const cells = [...rows.values()]
        .filter((cell) => cell.facts.job === job && cell.lane === null && !isOpen(cell.state))
        .filter(({ facts }) => !inbox.has(facts.id) && facts.id > (after ?? ''))
        .sort(byId)
        .slice(0, HELD_PAGE)
        .map(copy);
      const complete = cells.length < HELD_PAGE;
      return { kind: 'held-read', inbox: row, job, after, read, cells, complete };
    }
    default:
      return undefined;
  }
}

function auditedOf({ inbox }: Store, cell: Cell, lane: string): AuditedRow {
  const { facts, rank, state } = cell;
  const isInInbox = inbox.has(facts.id);
  return { id: facts.id, lane, rank, taken: !isInInbox, isOpen: isOpen(state), isInInbox };
}

type Place = Pick<AuditedRow, 'lane' | 'rank' | 'id'>;

const byPlace = (a: Place, b: Place): number =>
  Number(BigInt(a.lane) - BigInt(b.lane)) || compareRanked(a, b);

const byId = (a: Cell, b: Cell): number => (a.facts.id < b.facts.id ? -1 : 1);

/** What stands in a lane by the index: taken in, in order of rank. */
export function laneOfRows({ rows, inbox }: Store, lane: string): Cell[] {
  return [...rows.values()]
    .filter((cell) => cell.lane === lane && !isOpen(cell.state))
    .filter((cell) => !inbox.has(cell.facts.id))
    .sort((a, b) => a.rank - b.rank || byId(a, b))
    .map(copy);
}

/** What a load reads: open attempts and the head of every lane. */
export function loadable(store: Store): Cell[] {
  const cells = [...store.rows.values()];
  const lanes = new Set(cells.filter((cell) => !isOpen(cell.state)).map((cell) => cell.lane));
  const heads = [...lanes].flatMap((lane) =>
    lane === null ? [] : laneOfRows(store, lane).slice(0, store.state.limits.window),
  );
  return [...cells.filter((cell) => isOpen(cell.state)).map(copy), ...heads];
}
