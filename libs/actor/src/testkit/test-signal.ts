import type { Millis } from '../machine.js';
import { until } from './until.js';

/** A signal that nobody awaits is a test's mistake, and must not grow for ever. */
const SIGNALS_MAX = 1_000;

/**
 * Stands in production code where a test would otherwise sleep: `signal` does nothing until a test
 * has called `listen`, and afterwards can be awaited, also when it came first.
 */
export class TestSignal<T> {
  private values: T[] | undefined;

  listen(): this {
    this.values ??= [];
    return this;
  }

  signal(value: T): void {
    if (this.values === undefined) return;
    if (this.values.length >= SIGNALS_MAX) throw new Error(`${SIGNALS_MAX} signals unread`);
    this.values.push(value);
  }

  /** The oldest signal not yet taken. */
  async next(boundMs: Millis): Promise<T> {
    const { values } = this;
    if (values === undefined) throw new Error('call listen() before what is to be awaited');
    await until(() => values.length > 0, boundMs);
    return values.shift() as T;
  }
}
