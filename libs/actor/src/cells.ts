import type { Machine, Millis } from './machine.js';

/**
 * Many small actors by address as one machine: a Map entry each. What a cell is (a run, an
 * executor) is the inner machine's business; this one knows only how they live.
 *
 *   absent ──message──► loading ──loaded──► live ──fails──► loading (after a back-off)
 *      ▲                   │ load fails ──► loading            │ the third within a minute
 *      └──evicted, drop────┴───────────────────────────────► parked ──resume──► loading
 *
 * 1. A failing cell touches no other; the effects of the step that failed are not emitted.
 * 2. The failing message is not repeated; the others of that cell wait and keep their order.
 * 3. What cannot wait comes back as `refused`: the host decides, nothing is dropped in silence.
 * 4. An answer to an earlier load is ignored.
 * 5. Only idle cells leave memory, and only when the room is needed.
 */
export interface CellPolicy<S> {
  /** Cells in memory, parked ones too. */
  readonly capacity: number;
  /** Messages that may wait for one cell to be loaded. */
  readonly waiting: number;
  /** True: the cell may leave memory; the next message to it asks the host to load it. */
  readonly idle: (state: S) => boolean;
  readonly backoff: { readonly firstMs: Millis; readonly maxMs: Millis };
}

export type CellMessage<K extends string, S, M> =
  | { readonly kind: 'cell'; readonly key: K; readonly message: M }
  /** The answer to `load`; no state: there is no such row, the cell begins anew. */
  | { readonly kind: 'loaded'; readonly key: K; readonly load: number; readonly state?: S }
  | {
      readonly kind: 'load-failed';
      readonly key: K;
      readonly load: number;
      readonly error: unknown;
    }
  /** A person lets a parked cell go on, with its count of failures cleared. */
  | { readonly kind: 'resume'; readonly key: K }
  /** It has ended, or a person gives it up. */
  | { readonly kind: 'drop'; readonly key: K };

export type CellEffect<K extends string, M, E> =
  | { readonly kind: 'cell'; readonly key: K; readonly effect: E }
  | { readonly kind: 'load'; readonly key: K; readonly load: number; readonly delayMs: Millis }
  | { readonly kind: 'parked'; readonly key: K; readonly error: unknown }
  | {
      readonly kind: 'refused';
      readonly key: K;
      readonly message: M;
      readonly why: 'full' | 'parked' | 'dropped';
    };

interface LiveCell<S> {
  readonly kind: 'live';
  state: S;
  readonly failedAt: readonly Millis[];
}

type Cell<S, M> =
  | LiveCell<S>
  | {
      readonly kind: 'loading';
      readonly load: number;
      readonly waiting: M[];
      readonly failedAt: readonly Millis[];
    }
  | { readonly kind: 'parked'; readonly error: unknown };

export interface Cells<K extends string, S, M> {
  readonly cells: Map<K, Cell<S, M>>;
  /** Keys of live cells that may leave, longest idle first. */
  readonly idle: Set<K>;
  loads: number;
}

/** The failure that parks a cell, and the time in which all of them must fall. */
export const PARKING_FAILURE = 3;
export const PARKING_WINDOW_MS = 60_000;

export function cells<K extends string, S, M, E>(
  machine: Machine<S, M, E>,
  policy: CellPolicy<S>,
): Machine<Cells<K, S, M>, CellMessage<K, S, M>, CellEffect<K, M, E>> {
  return {
    initial: () => ({ cells: new Map(), idle: new Set(), loads: 0 }),
    step(all, message, now, emit) {
      stepCells(new Keeper<K, S, M, E>(machine, policy, all, now, emit), message);
      return all;
    },
  };
}

function stepCells<K extends string, S, M, E>(
  keeper: Keeper<K, S, M, E>,
  message: CellMessage<K, S, M>,
): void {
  switch (message.kind) {
    case 'cell':
      return keeper.tell(message.key, message.message);
    case 'loaded':
      return keeper.loaded(message.key, message.load, message.state);
    case 'load-failed':
      return keeper.loadFailed(message.key, message.load, message.error);
    case 'resume':
      return keeper.resume(message.key);
    case 'drop':
      return keeper.drop(message.key);
    default: {
      const never: never = message;
      return never;
    }
  }
}

/** One step over the map; it keeps nothing of its own. */
class Keeper<K extends string, S, M, E> {
  constructor(
    private readonly machine: Machine<S, M, E>,
    private readonly policy: CellPolicy<S>,
    private readonly all: Cells<K, S, M>,
    private readonly now: Millis,
    private readonly emit: (effect: CellEffect<K, M, E>) => void,
  ) {}

  tell(key: K, message: M): void {
    const cell = this.all.cells.get(key);
    if (cell === undefined) {
      if (this.makeRoom()) this.load(key, [message], [], 0);
      else this.refuse(key, [message], 'full');
      return;
    }
    switch (cell.kind) {
      case 'live':
        this.run(key, cell, [message]);
        return;
      case 'loading':
        if (cell.waiting.length < this.policy.waiting) cell.waiting.push(message);
        else this.refuse(key, [message], 'full');
        return;
      case 'parked':
        return this.refuse(key, [message], 'parked');
      default: {
        const never: never = cell;
        return never;
      }
    }
  }

  loaded(key: K, load: number, state: S | undefined): void {
    const cell = this.all.cells.get(key);
    if (cell?.kind !== 'loading' || cell.load !== load) return;
    const { failedAt, waiting } = cell;
    const fresh = state === undefined ? this.machine.initial() : state;
    const live: LiveCell<S> = { kind: 'live', state: fresh, failedAt };
    this.all.cells.set(key, live);
    this.run(key, live, waiting);
  }

  loadFailed(key: K, load: number, error: unknown): void {
    const cell = this.all.cells.get(key);
    if (cell?.kind !== 'loading' || cell.load !== load) return;
    this.failed(key, cell.failedAt, error, cell.waiting);
  }

  resume(key: K): void {
    if (this.all.cells.get(key)?.kind === 'parked') this.load(key, [], [], 0);
  }

  drop(key: K): void {
    const cell = this.all.cells.get(key);
    this.all.cells.delete(key);
    this.all.idle.delete(key);
    if (cell?.kind === 'loading') this.refuse(key, cell.waiting, 'dropped');
  }

  private run(key: K, cell: LiveCell<S>, messages: readonly M[]): void {
    for (let at = 0; at < messages.length; at++) {
      const effects: E[] = [];
      try {
        cell.state = this.machine.step(cell.state, messages[at] as M, this.now, (effect) => {
          effects.push(effect);
        });
      } catch (error) {
        // The state may be half changed, so it is given up; its row is whole.
        return this.failed(key, cell.failedAt, error, messages.slice(at + 1));
      }
      for (const effect of effects) this.emit({ kind: 'cell', key, effect });
    }
    this.all.idle.delete(key);
    if (this.policy.idle(cell.state)) this.all.idle.add(key);
  }

  private failed(key: K, failedAt: readonly Millis[], error: unknown, waiting: readonly M[]): void {
    const recent = [...failedAt.filter((at) => this.now - at < PARKING_WINDOW_MS), this.now];
    this.all.idle.delete(key);
    if (recent.length < PARKING_FAILURE) {
      const { firstMs, maxMs } = this.policy.backoff;
      this.load(key, waiting, recent, Math.min(maxMs, firstMs * 2 ** (recent.length - 1)));
      return;
    }
    this.all.cells.set(key, { kind: 'parked', error });
    this.emit({ kind: 'parked', key, error });
    this.refuse(key, waiting, 'parked');
  }

  private load(key: K, waiting: readonly M[], failedAt: readonly Millis[], delayMs: Millis): void {
    this.all.loads += 1;
    const load = this.all.loads;
    this.all.cells.set(key, { kind: 'loading', load, waiting: [...waiting], failedAt });
    this.emit({ kind: 'load', key, load, delayMs });
  }

  private refuse(key: K, messages: readonly M[], why: 'full' | 'parked' | 'dropped'): void {
    for (const message of messages) this.emit({ kind: 'refused', key, message, why });
  }

  /** A cell that leaves takes its count of failures along: room matters more. */
  private makeRoom(): boolean {
    if (this.all.cells.size < this.policy.capacity) return true;
    for (const key of this.all.idle) {
      this.all.idle.delete(key);
      return this.all.cells.delete(key);
    }
    return false;
  }
}
