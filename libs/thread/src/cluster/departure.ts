import type { Millis, NodeName, StoreControl } from '#core';
import type { Logger } from '#telemetry';

/** What nobody has taken by then is let go, whoever may come for it. */
const HAND_OVER_MS = 3_000;

export interface DepartureHost {
  readonly node: NodeName;
  held(): ReadonlyMap<number, number>;
  /** Somebody is there who may take over. */
  isHeirThere(): boolean;
  /** It is no member any more: the others may claim what it has. */
  left(): void;
  after(delayMs: Millis, run: () => void): () => void;
}

/**
 * How a thread stops: it is no member any more, and works on while the others claim what it has,
 * a few at a time. None stands still for longer than those few take (decision 29).
 */
export class Departure {
  private hasLeft = false;
  private isOver = false;
  private cancelTimer: (() => void) | undefined;

  constructor(
    private readonly store: StoreControl,
    private readonly host: DepartureHost,
    private readonly log: Logger,
    private readonly done: () => void,
  ) {}

  begin(): void {
    this.store.leave(this.host.node, (error) => {
      // The others take over as from a thread that died.
      if (error instanceof Error) return this.end(error);
      this.hasLeft = true;
      this.host.left();
      this.cancelTimer = this.host.after(HAND_OVER_MS, () => this.release());
      this.look();
    });
  }

  /** A partition may have gone, or the last of those who could take one. */
  look(): void {
    if (this.hasLeft && (this.host.held().size === 0 || !this.host.isHeirThere())) this.release();
  }

  private release(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.cancelTimer?.();
    const held = [...this.host.held()].map(([partition, epoch]) => ({ partition, epoch }));
    if (held.length === 0) return this.end();
    this.store.release(held, 'stopped', (error) => {
      if (error instanceof Error) return this.end(error);
      // Whoever comes to look now finds the rest free.
      this.host.left();
      this.end();
    });
  }

  private end(error?: Error): void {
    if (error !== undefined) this.log.warn('cannot hand over before the stop', { error });
    this.done();
  }
}
