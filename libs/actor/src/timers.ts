import type { Millis } from './machine.js';
import { EMPTY } from './lane.js';
import type { Empty } from './lane.js';
import type { Cancel } from './refs.js';
import type { Clock } from './runtime.js';

interface Armed {
  cancel: Cancel;
}

/**
 * Keyed timers of one life. Cancelling the clock is not enough: a timer that has fired may still
 * wait in the mailbox, so it is looked up again when it is delivered.
 */
export class Timers<M> {
  private readonly armed = new Map<string, Armed>();

  constructor(
    private readonly clock: Clock,
    private readonly owe: (message: M, open: () => M | Empty) => void,
  ) {}

  arm(key: string, delayMs: Millis, message: M): void {
    this.cancel(key);
    const open = (): M | Empty => {
      if (this.armed.get(key) !== armed) return EMPTY;
      this.armed.delete(key);
      return message;
    };
    const armed: Armed = {
      cancel: this.clock.after(delayMs, () => this.owe(message, open)),
    };
    this.armed.set(key, armed);
  }

  cancel(key: string): void {
    this.armed.get(key)?.cancel();
    this.armed.delete(key);
  }

  clear(): void {
    for (const { cancel } of this.armed.values()) cancel();
    this.armed.clear();
  }
}
