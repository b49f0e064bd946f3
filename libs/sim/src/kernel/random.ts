/** A seeded source of chance (sfc32): the same seed gives the same numbers for ever. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(seed: number) {
    this.a = seed >>> 0;
    this.b = Math.imul(seed, 0x9e3779b9) >>> 0;
    this.c = (seed ^ 0x5bd1e995) >>> 0;
    for (let i = 0; i < 12; i++) this.bits();
  }

  /** A source of its own, so that what one part draws does not move another. */
  fork(): Random {
    return new Random(this.bits());
  }

  /** In [0, 1). */
  unit(): number {
    return this.bits() / 0x1_0000_0000;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** A whole number in [low, high]. */
  int(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.unit() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** Waiting times of what happens so often on average. */
  exponential(mean: number): number {
    return -Math.log(1 - this.unit()) * mean;
  }

  bits(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t >>> 0;
  }
}
