import type { Millis } from '#core';
import type { World } from '../kernel/world.js';
import { Tables } from './tables.js';

/** How the database stands: it serves, nobody listens, or it takes words and answers none. */
export type Health = 'up' | 'down' | 'stuck';

/** The database server: its tables, its clock, its health. */
export class DatabaseServer {
  readonly tables: Tables;
  health: Health = 'up';
  /** Of its clock against true time; it may be set. */
  offset: Millis = 0;
  setAt: Millis = Number.NEGATIVE_INFINITY;
  setBackAt: Millis = Number.NEGATIVE_INFINITY;
  /** How much slower than usual. */
  slowness = 1;
  /** That a connection is lost around a call that was heard: applied or not, nobody says. */
  loss = 0;
  /** Calls that were heard while it was stuck: they are served when it goes on. */
  private stuck: (() => void)[] = [];

  constructor(
    readonly world: World,
    partitions: number,
  ) {
    this.tables = new Tables(partitions);
  }

  setClock(by: Millis): void {
    this.offset += by;
    this.setAt = this.world.now;
    if (by < 0) this.setBackAt = this.world.now;
  }

  get at(): Millis {
    return this.world.now + this.offset;
  }

  set(health: Health): void {
    this.health = health;
    if (health === 'stuck') return;
    const waiting = this.stuck;
    this.stuck = [];
    // A server that ends takes what it had heard with it.
    if (health === 'up') for (const serve of waiting) serve();
  }

  hear(serve: () => void): void {
    if (this.health === 'stuck') this.stuck.push(serve);
    else serve();
  }

  latency(): Millis {
    return this.world.random.between(0.2, 3) * this.slowness;
  }
}
