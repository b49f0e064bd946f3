import { nothing } from './refs.js';
import type { Cancel, Ref } from './refs.js';

export interface PumpEvents<M> {
  delivered?(count: number): void;
  blocked?(yes: boolean): void;
  /** The target has ended; these had no taker. Called once, with the first refusal. */
  gone(undelivered: readonly M[]): void;
}

/**
 * Batches into one ref, in order, losing nothing on 'full': the rest waits here until there is
 * room. It is bounded by whoever fills it: a source that heeds `blocked`, or a window of credit.
 */
export class Pump<M> {
  private rest: M[] = [];
  private waiting: Cancel | undefined;
  private over = false;

  constructor(
    private readonly target: Ref<M>,
    private readonly events: PumpEvents<M>,
  ) {}

  get idle(): boolean {
    return this.waiting === undefined;
  }

  offer(batch: readonly M[]): void {
    if (this.over) this.events.gone(batch);
    else if (this.waiting === undefined) this.push(batch);
    else for (const message of batch) this.rest.push(message);
  }

  close(): void {
    this.over = true;
    this.waiting?.();
    this.waiting = undefined;
    this.rest = [];
  }

  private push(batch: readonly M[]): void {
    for (let at = 0; at < batch.length; at++) {
      const admit = this.target.tell(batch[at] as M);
      if (admit === 'accepted') continue;
      if (at > 0) this.events.delivered?.(at);
      if (admit === 'full') this.block(batch.slice(at));
      else this.end(batch.slice(at));
      return;
    }
    if (batch.length > 0) this.events.delivered?.(batch.length);
  }

  private block(rest: M[]): void {
    this.rest = rest;
    this.waiting = nothing;
    this.waiting = this.target.whenRoom(() => this.resume());
    this.events.blocked?.(true);
  }

  private resume(): void {
    const batch = this.rest;
    this.rest = [];
    this.waiting = undefined;
    this.push(batch);
    // An event handler may have closed the pump meanwhile: the compiler cannot know.
    if (this.idle && !this.over) this.events.blocked?.(false);
  }

  private end(undelivered: readonly M[]): void {
    this.close();
    this.events.gone(undelivered);
  }
}
