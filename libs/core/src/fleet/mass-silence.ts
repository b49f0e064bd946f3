import type { Millis } from '../kernel/machine.js';

/** What falls silent within so long falls silent together. */
const TOGETHER_MS: Millis = 10_000;
/** When one of them is heard again, so long are the others waited for. */
const FOLLOW_MS: Millis = 10_000;
/** One that is silent alone has failed, be it the only one of its pool. */
const LEAST = 2;

/** Those that fell silent together. */
interface Mass {
  /** When the first of them was heard again. */
  heardAt: Millis | null;
}
interface Held {
  readonly mass: Mass;
  since: Millis;
}
export interface MassSilenceBegun {
  readonly pool: string;
  readonly silent: number;
  readonly of: number;
}

/**
 * Semantics 3.2: when over a third of a pool falls silent together, a network is more likely to be
 * gone than all of them. None of those is to be declared lost until one of them is heard (and the
 * others had time to follow) or `massLossAfter` has passed.
 */
export class MassSilence {
  /** Who is silent, and of which pool: falling silent is told more than once. */
  private readonly silent = new Map<string, string>();
  /** Of each pool: who fell silent lately, and when, in that order. */
  private readonly lately = new Map<string, Map<string, Millis>>();
  private readonly held = new Map<string, Held>();
  private readonly changed = new Set<string>();

  fell(executor: string, pool: string, now: Millis): void {
    if (this.silent.has(executor)) return;
    this.silent.set(executor, pool);
    const lately = this.lately.get(pool) ?? new Map<string, Millis>();
    this.lately.set(pool, lately);
    lately.set(executor, now);
    for (const [first, at] of lately) {
      if (now - at < TOGETHER_MS) break;
      lately.delete(first);
    }
    this.changed.add(pool);
  }

  heard(executor: string, now: Millis): void {
    const pool = this.silent.get(executor);
    if (pool === undefined) return;
    this.silent.delete(executor);
    this.lately.get(pool)?.delete(executor);
    const held = this.held.get(executor);
    if (held !== undefined) held.mass.heardAt ??= now;
    this.held.delete(executor);
  }

  /** Whether what fell silent since the last look is a mass. `online`: of each pool. */
  judge(online: (pool: string) => number): MassSilenceBegun[] {
    const begun: MassSilenceBegun[] = [];
    for (const pool of this.changed) {
      const lately = this.lately.get(pool) ?? new Map<string, Millis>();
      const silent = lately.size;
      const of = silent + online(pool);
      if (silent < LEAST || 3 * silent <= of) continue;
      // Of one of which nobody was heard yet they are a part.
      let mass = [...lately.keys()]
        .map((executor) => this.held.get(executor)?.mass)
        .find((each) => each?.heardAt === null);
      if (mass === undefined) {
        mass = { heardAt: null };
        begun.push({ pool, silent, of });
      }
      for (const [executor, since] of lately) {
        if (!this.held.has(executor)) this.held.set(executor, { mass, since });
      }
    }
    this.changed.clear();
    return begun;
  }

  /** Whether who is silent is not yet to be declared lost. */
  holds(executor: string, now: Millis, massLossAfterMs: Millis): boolean {
    const held = this.held.get(executor);
    if (held === undefined || now - held.since >= massLossAfterMs) return false;
    const { heardAt } = held.mass;
    return heardAt === null || now - heardAt < FOLLOW_MS;
  }

  /** We stood still: whoever is silent may have spoken meanwhile, and all counts begin anew. */
  restart(now: Millis): void {
    for (const held of this.held.values()) {
      held.since = now;
      if (held.mass.heardAt !== null) held.mass.heardAt = now;
    }
  }

  /** Who is there is not known any more. */
  forget(): void {
    this.silent.clear();
    this.lately.clear();
    this.held.clear();
    this.changed.clear();
  }
}
