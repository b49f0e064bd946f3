import { type Millis, type PartitionState, nextDue } from '#core';

const WAIT_MS_MAX = 60_000;

/** One armed timer a thread: when the first of its partitions has something due (§4). */
export class Alarm {
  private armed: { readonly at: Millis; readonly cancel: () => void } | undefined;

  constructor(
    private readonly after: (delayMs: number, run: () => void) => () => void,
    private readonly ring: () => void,
  ) {}

  /** What is due already, because a step had no more room, rings in a turn of its own. */
  arm(due: Millis | undefined, now: Millis): void {
    if (due === undefined) return;
    if (this.armed !== undefined) {
      if (this.armed.at <= due) return;
      this.armed.cancel();
    }
    const wait = Math.min(WAIT_MS_MAX, Math.max(1, due - now));
    this.armed = { at: due, cancel: this.after(wait, this.ring) };
  }

  rang(): void {
    this.armed = undefined;
  }

  cancel(): void {
    this.armed?.cancel();
    this.armed = undefined;
  }
}

export function nextOf(
  partitions: Iterable<{ readonly state: PartitionState }>,
): Millis | undefined {
  let next: Millis | undefined;
  for (const partition of partitions) {
    const due = nextDue(partition);
    if (due !== null) next = Math.min(next ?? due, due);
  }
  return next;
}
