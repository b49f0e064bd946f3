import type { Cancel } from '../refs.js';

/**
 * Messages on their way to one actor of another thread, from one thread. Whoever would exceed it
 * hears 'full': so an actor's overload is felt across threads, and what is in flight is bounded.
 */
export const REMOTE_WINDOW = 8_192;

interface Window {
  used: number;
  readonly waiters: Set<() => void>;
}

/** Credit by thread and actor; an entry exists only while something is in flight or waits. */
export class Windows {
  private readonly threads = new Map<number, Map<number, Window>>();

  take(thread: number, incarnation: number): boolean {
    const window = this.window(thread, incarnation);
    if (window.used >= REMOTE_WINDOW) return false;
    window.used += 1;
    return true;
  }

  give(thread: number, incarnation: number, count: number): void {
    const windows = this.threads.get(thread);
    const window = windows?.get(incarnation);
    if (windows === undefined || window === undefined) return;
    window.used -= count;
    wake(window);
    if (window.used === 0 && window.waiters.size === 0) windows.delete(incarnation);
  }

  whenRoom(thread: number, incarnation: number, run: () => void): Cancel {
    const { waiters } = this.window(thread, incarnation);
    waiters.add(run);
    return () => waiters.delete(run);
  }

  lose(thread: number): void {
    const windows = this.threads.get(thread);
    this.threads.delete(thread);
    for (const window of windows?.values() ?? []) wake(window);
  }

  private window(thread: number, incarnation: number): Window {
    let windows = this.threads.get(thread);
    if (windows === undefined) this.threads.set(thread, (windows = new Map()));
    let window = windows.get(incarnation);
    if (window === undefined) {
      windows.set(incarnation, (window = { used: 0, waiters: new Set() }));
    }
    return window;
  }
}

function wake(window: Window): void {
  const waiters = [...window.waiters];
  window.waiters.clear();
  for (const run of waiters) run();
}
