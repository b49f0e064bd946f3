import type { Millis } from '#core';
import type { DatabaseServer } from './server.js';

export type Served<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown' };

const DEADLINE_MS: Millis = 10_000;
const REFUSED_MS: Millis = 5;

interface Call {
  readonly serve: () => unknown;
  readonly done: (served: Served<never>) => void;
}

/**
 * One connection of a process: one call after the other. A call is refused (nothing was sent),
 * answered, or its outcome is unknown: lost before or after it was served, or too late.
 */
export class DatabaseLink {
  /** Words do not get through: those of ours, or those to us. */
  cut: 'none' | 'to' | 'from' = 'none';
  private readonly queue: Call[] = [];
  private busy = false;

  constructor(
    private readonly server: DatabaseServer,
    /** Of the process: it runs what is timed only while it lives, and later when it stands. */
    private readonly after: (delay: Millis, run: () => void) => () => void,
  ) {}

  call<T>(serve: () => T, done: (served: Served<T>) => void): void {
    this.queue.push({ serve, done: done as Call['done'] });
    this.next();
  }

  private next(): void {
    const call = this.queue[0];
    if (this.busy || call === undefined) return;
    this.busy = true;
    let over = false;
    const end = (served: Served<unknown>): void => {
      if (over) return;
      over = true;
      cancel();
      this.queue.shift();
      this.busy = false;
      call.done(served as Served<never>);
      this.next();
    };
    const cancel = this.after(DEADLINE_MS, () => end({ kind: 'unknown' }));
    const { server } = this;
    if (server.health === 'down') {
      this.after(REFUSED_MS, () => end({ kind: 'refused' }));
      return;
    }
    this.send(call, end);
  }

  private send(call: Call, end: (served: Served<unknown>) => void): void {
    const { server } = this;
    const { random } = server.world;
    const isLost = random.chance(server.loss);
    const isHeard = !isLost || random.chance(0.5);
    if (isLost) this.after(server.latency() * 2, () => end({ kind: 'unknown' }));
    if (!isHeard || this.cut === 'to') return;
    // On its way in the network: it arrives although its sender may be gone by then.
    server.world.after(server.latency(), () => {
      if (server.health === 'down') {
        this.after(1, () => end({ kind: 'unknown' }));
        return;
      }
      server.hear(() => {
        const value = call.serve();
        if (isLost || this.cut === 'from') return;
        this.after(server.latency(), () => end({ kind: 'answer', value }));
      });
    });
  }
}
