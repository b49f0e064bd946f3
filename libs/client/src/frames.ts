import type { Client as WsClient } from 'graphql-ws';
import type { Variables } from './client.js';
import type { WireError } from './result.js';

/** What a reader may leave lying; one that is slower is put off and comes back by its cursor. */
export const FRAMES_MAX = 1_000;

export interface Frame<T> {
  readonly data?: T | null | undefined;
  readonly errors?: readonly WireError[] | undefined;
}
/** Why no more frames come of one subscription. `reason` is as graphql-ws gives it. */
export type Ending =
  | { readonly kind: 'completed' }
  | { readonly kind: 'slow' }
  | { readonly kind: 'left' }
  | { readonly kind: 'broken'; readonly reason: unknown };

/** One subscription on one connection: its frames in order, then why it ended. */
export class Frames<T> {
  private readonly waiting: Frame<T>[] = [];
  private ending: Ending | undefined;
  private wake: (() => void) | undefined;
  private readonly leaveServer: () => void;

  constructor(socket: WsClient, query: string, variables: Variables, framesMax = FRAMES_MAX) {
    this.leaveServer = socket.subscribe<T>(
      { query, variables: { ...variables } },
      {
        next: (frame) => {
          if (this.ending !== undefined) return;
          this.waiting.push(frame as Frame<T>);
          if (this.waiting.length >= framesMax) this.end({ kind: 'slow' });
          else this.wake?.();
        },
        error: (reason) => this.end({ kind: 'broken', reason }),
        complete: () => this.end({ kind: 'completed' }),
      },
    );
  }

  /** The next frame; what has arrived before the end is given before it. */
  async next(): Promise<Frame<T> | Ending> {
    for (;;) {
      const frame = this.waiting.shift();
      if (frame !== undefined) return frame;
      if (this.ending !== undefined) return this.ending;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  leave(): void {
    this.waiting.length = 0;
    this.end({ kind: 'left' });
  }

  private end(ending: Ending): void {
    if (this.ending !== undefined) return;
    this.ending = ending;
    this.leaveServer();
    this.wake?.();
  }
}
