import type { Millis } from '#core';

/** What runs a while later only if it still lives, and later yet while it stands still. */
export interface Lives {
  readonly generation: number;
  readonly stopped: boolean;
  /** What came due while it stood still. */
  keep(timed: Timed): void;
}
/** Something that is going to happen; without `run` it was called off. */
export interface Timed {
  at: Millis;
  order: number;
  run: (() => void) | null;
  readonly of: Lives | undefined;
  readonly generation: number;
}

export const isBefore = (a: Timed, b: Timed): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);

/**
 * What is going to happen, the first first. Most of what a simulation does is to put something in
 * here and to take it out: this is core's `Heap` with its comparison written out.
 */
export class Agenda {
  private readonly items: Timed[] = [];

  first(): Timed | undefined {
    return this.items[0];
  }

  push(item: Timed): void {
    const { items } = this;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = items[parent] as Timed;
      if (!isBefore(item, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  shift(): void {
    const { items } = this;
    const item = items.pop();
    const { length } = items;
    if (item === undefined || length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      let below = items[child] as Timed;
      if (child + 1 < length) {
        const right = items[child + 1] as Timed;
        if (isBefore(right, below)) {
          below = right;
          child++;
        }
      }
      if (!isBefore(below, item)) break;
      items[at] = below;
      at = child;
    }
    items[at] = item;
  }
}
