export interface Ranked {
  readonly rank: number;
  readonly id: string;
}

/** One order everywhere: index, lane, offer and match. */
export function compareRanked(a: Ranked, b: Ranked): number {
  return a.rank - b.rank || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/**
 * The head of a queue whose tail is in the database: at most `capacity` items, the lowest ranks.
 * `complete` says that nothing lies behind the last item, so an insert at the end is sound.
 * Invariant: items are sorted, and no item behind the window ranks below its last one.
 */
export class Window<T extends Ranked> {
  private items: T[] = [];
  private head = 0;

  constructor(
    readonly capacity: number,
    public complete = true,
  ) {}

  get size(): number {
    return this.items.length - this.head;
  }

  first(): T | undefined {
    return this.items[this.head];
  }

  last(): T | undefined {
    return this.size === 0 ? undefined : this.items[this.items.length - 1];
  }

  /** What does not fit is returned: the item itself or one that it pushed out. */
  insert(item: T): T | undefined {
    const last = this.last();
    if (!this.complete && (last === undefined || compareRanked(item, last) > 0)) return item;
    const at = this.place(item);
    if (at < this.items.length && compareRanked(this.items[at] as T, item) === 0) return undefined;
    if (at === this.items.length) this.items.push(item);
    else this.items.splice(at, 0, item);
    if (this.size <= this.capacity) return undefined;
    this.complete = false;
    return this.items.pop();
  }

  has(item: Ranked): boolean {
    const found = this.items[this.place(item)];
    return found !== undefined && compareRanked(found, item) === 0;
  }

  remove(item: Ranked): boolean {
    const at = this.place(item);
    const found = this.items[at];
    if (found === undefined || compareRanked(found, item) !== 0) return false;
    if (at === this.head) this.shift();
    else this.items.splice(at, 1);
    return true;
  }

  /** Lets go of everything at this rank and behind it. */
  cut(rank: number): void {
    while (this.size > 0 && (this.last()?.rank ?? 0) >= rank) this.items.pop();
    if (this.head >= this.items.length) {
      this.items = [];
      this.head = 0;
    }
  }

  shift(): T | undefined {
    const item = this.first();
    if (item === undefined) return undefined;
    this.head++;
    if (this.head === this.items.length) {
      this.items = [];
      this.head = 0;
    } else if (this.head > 64 && this.head * 2 > this.items.length) {
      this.items.splice(0, this.head);
      this.head = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.head; i < this.items.length; i++) yield this.items[i] as T;
  }

  private place(item: Ranked): number {
    let low = this.head;
    let high = this.items.length;
    const last = this.last();
    if (last === undefined || compareRanked(last, item) < 0) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareRanked(this.items[middle] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
