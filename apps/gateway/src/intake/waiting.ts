import { type IntakeItem, type Written, bytesOf } from './item.js';

/** The answers to the items of one request, which are given together. */
export class WaitingGroup {
  private readonly written: Written[];
  private open: number;

  constructor(
    count: number,
    private readonly resolve: (written: Written[]) => void,
  ) {
    this.open = count;
    this.written = Array.from<Written>({ length: count });
  }

  settle(index: number, written: Written): void {
    this.written[index] = written;
    if (--this.open === 0) this.resolve(this.written);
  }
}

/** An item on its way. */
export class Waiter {
  isSettled = false;

  constructor(
    readonly item: IntakeItem,
    /** After it nobody waits any more. */
    readonly deadline: number,
    private readonly group: WaitingGroup,
    private readonly index: number,
  ) {}

  settle(written: Written): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.group.settle(this.index, written);
  }
}

export const ROWS_MAX = 400;
/** Of a large request in one commit, so that single submissions find room beside it. */
export const PIECE_ROWS = 200;
const BYTES_MAX = 8 * 1_048_576;

/** What waits for a commit: single items and large requests in turn, each oldest first. */
export class WaitingRows {
  private singles: Waiter[] = [];
  private bulk: Waiter[] = [];

  get size(): number {
    return this.singles.length + this.bulk.length;
  }

  add(waiters: readonly Waiter[]): void {
    const queue = waiters.length === 1 ? this.singles : this.bulk;
    for (const waiter of waiters) queue.push(waiter);
  }

  /** The next commit's rows. Those whose time is over are told so, and surely not written. */
  take(now: number): Waiter[] {
    const taken: Waiter[] = [];
    let bytes = 0;
    const from = (queue: Waiter[], rowsMax: number, bytesMax: number): Waiter[] => {
      let at = 0;
      let rows = 0;
      for (; at < queue.length && rows < rowsMax && bytes < bytesMax; at++) {
        const waiter = queue[at] as Waiter;
        if (waiter.isSettled) continue;
        if (waiter.deadline <= now) {
          waiter.settle({ kind: 'unavailable' });
          continue;
        }
        taken.push(waiter);
        rows++;
        bytes += bytesOf(waiter.item);
      }
      return at === 0 ? queue : queue.slice(at);
    };
    const bulkBytesMax = this.singles.length === 0 ? BYTES_MAX : BYTES_MAX / 2;
    this.bulk = from(this.bulk, PIECE_ROWS, bulkBytesMax);
    this.singles = from(this.singles, ROWS_MAX - taken.length, BYTES_MAX);
    return taken;
  }
}
