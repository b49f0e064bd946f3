import type { Clock } from '#actor';
import type { Millis } from '#core';

const STEP_MS = 25;

/**
 * Time-outs and graces of all attempts behind one timer, a step late at most: arming and disarming
 * cost a Set operation, and what is disarmed leaves nothing behind.
 */
export class Wheel {
  private readonly slots = new Map<number, Set<() => void>>();
  private armed = 0;
  private cursor = 0;
  private cancelTimer: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  /** Returns what disarms it. */
  arm(delayMs: Millis, run: () => void): () => void {
    if (this.armed === 0) this.cursor = this.step();
    const due = Math.max(this.cursor + 1, Math.ceil((this.clock.elapsed() + delayMs) / STEP_MS));
    let slot = this.slots.get(due);
    if (slot === undefined) {
      slot = new Set();
      this.slots.set(due, slot);
    }
    // A function of its own, so that one may be armed twice.
    const own = (): void => run();
    slot.add(own);
    this.armed += 1;
    this.wind();
    return () => {
      if (!slot.delete(own)) return;
      this.armed -= 1;
      if (slot.size === 0) this.slots.delete(due);
    };
  }

  stop(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.slots.clear();
    this.armed = 0;
  }

  private step(): number {
    return Math.floor(this.clock.elapsed() / STEP_MS);
  }

  private wind(): void {
    if (this.cancelTimer !== undefined || this.armed === 0) return;
    this.cancelTimer = this.clock.after(STEP_MS, () => {
      this.cancelTimer = undefined;
      this.turn();
      this.wind();
    });
  }

  private turn(): void {
    const now = this.step();
    while (this.cursor < now && this.armed > 0) {
      this.cursor += 1;
      const slot = this.slots.get(this.cursor);
      if (slot === undefined) continue;
      this.slots.delete(this.cursor);
      for (const run of [...slot]) {
        if (!slot.delete(run)) continue;
        this.armed -= 1;
        run();
      }
    }
  }
}
