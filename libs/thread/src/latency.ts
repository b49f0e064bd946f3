import type { Millis } from '#core';

const KEPT = 256;

/** How long the latest of something took. */
export class Latency {
  private readonly kept: Millis[] = [];
  private next = 0;

  add(ms: Millis): void {
    this.kept[this.next] = ms;
    this.next = (this.next + 1) % KEPT;
  }

  /** The share `p` of them took at most this long; null: there was none. */
  quantile(p: number): Millis | null {
    const sorted = [...this.kept].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? null;
  }
}
