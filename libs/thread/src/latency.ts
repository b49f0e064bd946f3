import type { Millis } from '#core';

const KEPT = 256;

/** How long the latest of something took. */
export class Latency {
  /** In the order in which they came, and by how long they took. */
  private readonly kept = new Float64Array(KEPT);
  private readonly sorted = new Float64Array(KEPT);
  private next = 0;
  private size = 0;

  add(ms: Millis): void {
    const { kept, sorted } = this;
    if (this.size === KEPT) {
      const gone = this.placeOf(kept[this.next] as Millis);
      sorted.copyWithin(gone, gone + 1, this.size);
      this.size--;
    }
    const place = this.placeOf(ms);
    sorted.copyWithin(place + 1, place, this.size);
    sorted[place] = ms;
    this.size++;
    kept[this.next] = ms;
    this.next = (this.next + 1) % KEPT;
  }

  /** The share `p` of them took at most this long; null: there was none. */
  quantile(p: number): Millis | null {
    if (this.size === 0) return null;
    return this.sorted[Math.min(this.size - 1, Math.floor(this.size * p))] ?? null;
  }

  /** The first that took no less. */
  private placeOf(ms: Millis): number {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.sorted[middle] as Millis) < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
