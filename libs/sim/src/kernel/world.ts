import { Heap, type Millis, hash32 } from '#core';
import { Random } from './random.js';

interface Timed {
  readonly at: Millis;
  readonly order: number;
  run: (() => void) | null;
}

/** Virtual time, one heap of what is going to happen, and all chance from one seed. */
export class World {
  now: Millis = 0;
  events = 0;
  readonly random: Random;
  /** What went wrong, as the checks say it. */
  readonly violations: string[] = [];
  private readonly heap = new Heap<Timed>(
    (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order),
  );
  private order = 0;
  private digestNow = 0;

  constructor(
    readonly seed: number,
    private readonly onTrace?: (line: string) => void,
  ) {
    this.random = new Random(seed);
  }

  after(delay: Millis, run: () => void): () => void {
    const timed: Timed = { at: this.now + Math.max(0, delay), order: this.order++, run };
    this.heap.push(timed);
    return () => {
      timed.run = null;
    };
  }

  /** Everything up to then, and what it leads to. False: it went wrong and was ended. */
  runUntil(at: Millis): boolean {
    for (;;) {
      const next = this.heap.peek();
      if (next === undefined || next.at > at) break;
      this.heap.pop();
      if (next.run === null) continue;
      this.now = next.at;
      this.events++;
      next.run();
      if (this.violations.length > 0) return false;
    }
    this.now = at;
    return true;
  }

  get pending(): number {
    return this.heap.size;
  }

  /** Two runs of a seed are the same when their digests are. */
  get digest(): string {
    return this.digestNow.toString(16).padStart(8, '0');
  }

  get isTraced(): boolean {
    return this.onTrace !== undefined;
  }

  trace(who: string, what: () => string): void {
    if (this.onTrace !== undefined) {
      this.onTrace(`${(this.now / 1_000).toFixed(3).padStart(10)} ${who.padEnd(8)} ${what()}`);
    }
  }

  /** Counts for the digest: what must happen alike whenever the seed is run. */
  mark(what: string): void {
    this.digestNow = hash32(`${this.now} ${what}`, this.digestNow);
  }

  violate(check: string, what: string): void {
    this.violations.push(`${check}: ${what}`);
    this.trace('CHECK', () => `${check}: ${what}`);
  }
}
