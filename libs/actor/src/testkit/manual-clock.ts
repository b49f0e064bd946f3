import type { Millis } from '../machine.js';
import type { Clock } from '../runtime.js';

interface Timer {
  readonly due: Millis;
  readonly run: () => void;
}

/** Time that moves only when told to. Timers run in the order of their due times, then arming. */
export class ManualClock implements Clock {
  private readonly timers = new Map<number, Timer>();
  private armed = 0;
  private passed: Millis = 0;
  private wall: Millis;

  constructor(startMs: Millis = Date.UTC(2026, 0, 1)) {
    this.wall = startMs;
  }

  /** Timers that nobody has cancelled or run: 0 when everything was released. */
  get pending(): number {
    return this.timers.size;
  }

  now(): Millis {
    return this.wall + this.passed;
  }

  elapsed(): Millis {
    return this.passed;
  }

  after(delayMs: Millis, run: () => void): () => void {
    const id = this.armed;
    this.armed += 1;
    this.timers.set(id, { due: this.passed + Math.max(0, delayMs), run });
    return () => this.timers.delete(id);
  }

  /** Runs what falls due, including what that arms within the span. */
  advance(byMs: Millis): void {
    const until = this.passed + byMs;
    for (let next = this.nextDue(until); next !== undefined; next = this.nextDue(until)) {
      const [id, { due, run }] = next;
      this.timers.delete(id);
      this.passed = Math.max(this.passed, due);
      run();
    }
    this.passed = until;
  }

  /** The wall clock is set; no duration notices. */
  jump(byMs: Millis): void {
    this.wall += byMs;
  }

  private nextDue(until: Millis): [number, Timer] | undefined {
    let first: [number, Timer] | undefined;
    for (const entry of this.timers) {
      if (entry[1].due <= until && (first === undefined || entry[1].due < first[1].due)) {
        first = entry;
      }
    }
    return first;
  }
}
