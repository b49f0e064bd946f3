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
  /** Not answered by then: nobody will ever know. */
  until: Millis;
}

/**
 * One connection of a process: one call after the other. A call is refused (nothing was sent),
 * answered, or its outcome is unknown: lost before or after it was served, or too late.
 */
export class DatabaseLink {
  /** Words do not get through: those of ours, or those to us. */
  cut: 'none' | 'to' | 'from' = 'none';
  private readonly queue: Call[] = [];
  private underWay: Call | undefined;
  private isWatched = false;

  constructor(
    private readonly server: DatabaseServer,
    /** Of the process: it runs what is timed only while it lives, and later when it stands. */
    private readonly after: (delay: Millis, run: () => void) => () => void,
  ) {}

  call<T>(serve: () => T, done: (served: Served<T>) => void): void {
    this.queue.push({ serve, done: done as Call['done'], until: 0 });
    this.next();
  }

  private next(): void {
    const call = this.queue[0];
    if (this.underWay !== undefined || call === undefined) return;
    this.underWay = call;
    const { server } = this;
    call.until = server.world.now + DEADLINE_MS;
    this.watch(call);
    if (server.health === 'down') this.after(REFUSED_MS, () => this.end(call, { kind: 'refused' }));
    else this.send(call);
  }

  /** One timer a connection, not one a call: nearly all are answered long before. */
  private watch({ until }: Call): void {
    if (this.isWatched) return;
    this.isWatched = true;
    const { world } = this.server;
    this.after(until - world.now, () => {
      this.isWatched = false;
      const call = this.underWay;
      if (call === undefined) return;
      if (call.until - world.now < 1) this.end(call, { kind: 'unknown' });
      else this.watch(call);
    });
  }

  private end(call: Call, served: Served<unknown>): void {
    if (this.underWay !== call) return;
    this.underWay = undefined;
    this.queue.shift();
    call.done(served as Served<never>);
    this.next();
  }

  private send(call: Call): void {
    const { server } = this;
    const { random } = server.world;
    const isLost = random.chance(server.loss);
    const isHeard = !isLost || random.chance(0.5);
    if (isLost) this.after(server.latency() * 2, () => this.end(call, { kind: 'unknown' }));
    if (!isHeard || this.cut === 'to') return;
    // On its way in the network: it arrives although its sender may be gone by then.
    server.world.after(server.latency(), () => this.arrive(call, isLost));
  }

  private arrive(call: Call, isLost: boolean): void {
    const { server } = this;
    if (server.health === 'down') {
      this.after(1, () => this.end(call, { kind: 'unknown' }));
      return;
    }
    server.hear(() => {
      const value = call.serve();
      if (isLost || this.cut === 'from') return;
      this.after(server.latency(), () => this.end(call, { kind: 'answer', value }));
    });
  }
}
