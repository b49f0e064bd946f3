import type { Millis } from '#core';

const KEPT = 256;

/** How long the latest of something took. */
export class Latency {
  private readonly kept = new Float64Array(KEPT);
  private next = 0;
  private size = 0;
  /** Of what is kept now: it is asked for far more often than something is added. */
  private sorted: Float64Array | undefined;

  add(ms: Millis): void {
    this.kept[this.next] = ms;
    this.next = (this.next + 1) % KEPT;
    this.size = Math.max(this.size, this.next || KEPT);
    this.sorted = undefined;
  }

  /** The share `p` of them took at most this long; null: there was none. */
  quantile(p: number): Millis | null {
    this.sorted ??= this.kept.slice(0, this.size).sort();
    const { sorted } = this;
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? null;
  }
}
