import type { Millis } from '../kernel/machine.js';

/** What falls silent within so long falls silent together. */
const TOGETHER_MS: Millis = 10_000;
/** When one of them is heard again, so long are the others waited for. */
const FOLLOW_MS: Millis = 10_000;
/** One that is silent alone has failed, be it the only one of its pool. */
const LEAST = 2;

/** One pool: who fell silent lately, and who is held for lost no more than the others are. */
interface PoolSilence {
  /** In the order of their silence: executor, and since when. */
  readonly lately: Map<string, Millis>;
  readonly held: Map<string, Millis>;
  /** When the first of those that are held was heard again. */
  heardAt: Millis | null;
}
export interface MassSilenceBegun {
  readonly pool: string;
  readonly silent: number;
  readonly of: number;
}

/**
 * Semantics 3.2: when over a third of a pool falls silent together, a network is more likely to be
 * gone than all of them. None of those, nor who falls silent after them, is to be declared lost
 * until one of them is heard (and the others had time to follow) or `massLossAfter` has passed.
 */
export class MassSilence {
  private readonly pools = new Map<string, PoolSilence>();
  /** Who is silent, and of which pool: falling silent is told more than once. */
  private readonly silent = new Map<string, string>();
  private readonly changed = new Set<string>();

  fell(executor: string, pool: string, now: Millis): void {
    if (this.silent.has(executor)) return;
    this.silent.set(executor, pool);
    let of = this.pools.get(pool);
    if (of === undefined) {
      of = { lately: new Map(), held: new Map(), heardAt: null };
      this.pools.set(pool, of);
    }
    of.lately.set(executor, now);
    this.changed.add(pool);
  }

  heard(executor: string, now: Millis): void {
    const pool = this.silent.get(executor);
    if (pool === undefined) return;
    this.silent.delete(executor);
    const of = this.pools.get(pool);
    of?.lately.delete(executor);
    if (of?.held.delete(executor) === true) of.heardAt ??= now;
  }

  /** Whether what fell silent since the last look is a mass. `online`: of each pool. */
  judge(
    now: Millis,
    massLossAfterMs: Millis,
    online: (pool: string) => number,
  ): MassSilenceBegun[] {
    const begun: MassSilenceBegun[] = [];
    for (const pool of this.changed) {
      const of = this.pools.get(pool);
      if (of === undefined) continue;
      for (const [executor, at] of of.lately) {
        if (at > now - TOGETHER_MS) break;
        of.lately.delete(executor);
      }
      const isHolding = [...of.held.keys()].some((x) => this.holds(x, now, massLossAfterMs));
      const silent = of.lately.size;
      const all = silent + online(pool);
      if (!isHolding && (silent < LEAST || 3 * silent <= all)) continue;
      if (!isHolding) {
        of.held.clear();
        of.heardAt = null;
        begun.push({ pool, silent, of: all });
      }
      for (const [executor, at] of of.lately) of.held.set(executor, at);
    }
    this.changed.clear();
    return begun;
  }

  /** Whether who is silent is not yet to be declared lost. */
  holds(executor: string, now: Millis, massLossAfterMs: Millis): boolean {
    const of = this.pools.get(this.silent.get(executor) ?? '');
    const since = of?.held.get(executor);
    if (of === undefined || since === undefined || now - since >= massLossAfterMs) return false;
    return of.heardAt === null || now - of.heardAt < FOLLOW_MS;
  }

  /** Who is there is not known any more: all counts begin anew. */
  forget(): void {
    this.pools.clear();
    this.silent.clear();
    this.changed.clear();
  }
}
