import type { IntakeBatch, KeyClaim, NewCommand, NewRun, NewSpecification, Taken } from '#postgres';
import { type Written, keyOf, refOf } from './item.js';
import type { Waiter } from './waiting.js';

/** A repeat of a key inside one batch: it gets what the first one gets. */
interface Follower {
  readonly waiter: Waiter;
  readonly leader: Waiter;
}

/** The rows of one commit, and what its answer means for each of them. */
export class OpenBatch {
  readonly leaders: readonly Waiter[];
  readonly rows: IntakeBatch;
  private readonly followers: Follower[] = [];

  constructor(
    id: string,
    waiters: readonly Waiter[],
    isStored: (specification: NewSpecification) => boolean,
    strict: boolean,
  ) {
    const leaders: Waiter[] = [];
    const byKey = new Map<string, Waiter>();
    for (const waiter of waiters) {
      const { key } = waiter.item;
      const first = key && byKey.get(keyOf(key));
      if (first !== undefined) this.followers.push({ waiter, leader: first });
      else leaders.push(waiter);
      if (key !== undefined && first === undefined) byKey.set(keyOf(key), waiter);
    }
    this.leaders = leaders;
    this.rows = { ...rowsOf(id, leaders, isStored), strict };
  }

  settle(taken: Taken): void {
    for (const waiter of this.leaders) waiter.settle(outcomeOf(waiter, taken));
    for (const { waiter, leader } of this.followers) waiter.settle(followed(waiter, leader, taken));
  }

  /** Nothing was written: these keys stand for another request, their neighbours are withdrawn. */
  settleConflicts(refs: readonly string[]): void {
    const conflicts = new Set(refs);
    for (const waiter of this.leaders) {
      const isOne = conflicts.has(refOf(waiter.item));
      waiter.settle({ kind: isOne ? 'conflict' : 'withdrawn' });
    }
    for (const { waiter } of this.followers) waiter.settle({ kind: 'withdrawn' });
  }

  /** Everything that was not settled otherwise, repeats included. */
  settleAll(written: Written): void {
    for (const waiter of this.leaders) waiter.settle(written);
    for (const { waiter } of this.followers) waiter.settle(written);
  }

  get isAwaited(): boolean {
    const isOpen = ({ isSettled }: Waiter): boolean => !isSettled;
    return this.leaders.some(isOpen) || this.followers.some(({ waiter }) => isOpen(waiter));
  }

  /** What was written by this batch, and not by another before it. */
  written(taken: Taken): {
    readonly runs: readonly NewRun[];
    readonly commands: readonly NewCommand[];
  } {
    const { replays, folds } = taken;
    const isOurs = ({ id }: { readonly id: string }): boolean => !replays.has(id) && !folds.has(id);
    return { runs: this.rows.runs.filter(isOurs), commands: this.rows.commands.filter(isOurs) };
  }

  /** Two halves, a repeat staying with the first of its key; for a batch that cannot be written. */
  halves(): readonly (readonly Waiter[])[] {
    const middle = Math.ceil(this.leaders.length / 2);
    const of = (leaders: readonly Waiter[]): Waiter[] => {
      const chosen = new Set(leaders);
      const repeats = this.followers.filter(({ leader }) => chosen.has(leader));
      return [...leaders, ...repeats.map(({ waiter }) => waiter)];
    };
    return [of(this.leaders.slice(0, middle)), of(this.leaders.slice(middle))];
  }
}

function rowsOf(
  id: string,
  waiters: readonly Waiter[],
  isStored: (specification: NewSpecification) => boolean,
): IntakeBatch {
  const specifications = new Map<string, NewSpecification>();
  const runs: NewRun[] = [];
  const commands: NewCommand[] = [];
  const keys: KeyClaim[] = [];
  for (const { item } of waiters) {
    const { run, specification, command, key } = item;
    if (run !== undefined) runs.push(run);
    if (command !== undefined) commands.push(command);
    if (key !== undefined) keys.push({ ...key, ref: refOf(item) });
    if (specification !== undefined && !isStored(specification)) {
      specifications.set(`${specification.project}/${specification.hash}`, specification);
    }
  }
  return { id, specifications: [...specifications.values()], runs, commands, keys };
}

function outcomeOf(waiter: Waiter, taken: Taken): Written {
  const ref = refOf(waiter.item);
  const holder = taken.folds.get(ref);
  if (holder !== undefined) return { kind: 'folded', ref: holder };
  const replay = taken.replays.get(ref);
  if (replay === undefined) return { kind: 'written', at: taken.at };
  if (replay.hash !== waiter.item.key?.hash) return { kind: 'conflict' };
  return { kind: 'replayed', ref: replay.winner };
}

/** What its key stands for is decided by the first of the batch, or by who came before that. */
function followed(waiter: Waiter, leader: Waiter, taken: Taken): Written {
  const ref = refOf(leader.item);
  const replay = taken.replays.get(ref);
  const hash = replay?.hash ?? leader.item.key?.hash;
  if (waiter.item.key?.hash !== hash) return { kind: 'conflict' };
  const holder = taken.folds.get(ref);
  if (holder !== undefined) return { kind: 'folded', ref: holder };
  return { kind: 'replayed', ref: replay?.winner ?? ref };
}
