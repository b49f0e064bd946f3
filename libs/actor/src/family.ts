import type { Child } from './kernel.js';
import { nothing } from './refs.js';
import type { ActorRef, Cancel, StopReason } from './refs.js';

/** The children of one supervisor, by path: a name is free again when its actor has ended. */
export class Family {
  private readonly members = new Map<string, Child>();
  private emptied: Cancel = nothing;

  /** Before a child is made, so that a name in use leaves nothing behind. */
  assertFree(path: string): void {
    if (this.members.has(path)) throw new Error(`${path}: the name is in use by a live actor`);
  }

  add(child: Child): void {
    this.members.set(child.ref.address.path, child);
  }

  stop(ref: ActorRef<never>): void {
    const child = this.members.get(ref.address.path);
    if (child?.ref.address.incarnation === ref.address.incarnation) child.stop('asked');
  }

  stopAll(reason: StopReason): void {
    for (const child of [...this.members.values()]) child.stop(reason);
  }

  remove(child: Child): void {
    if (this.members.get(child.ref.address.path) !== child) return;
    this.members.delete(child.ref.address.path);
    if (this.members.size > 0) return;
    const { emptied } = this;
    this.emptied = nothing;
    emptied();
  }

  /** At once when there is none. One waiter: a later call replaces an earlier one. */
  whenEmpty(run: () => void): Cancel {
    if (this.members.size === 0) {
      run();
      return nothing;
    }
    this.emptied = run;
    return () => {
      if (this.emptied === run) this.emptied = nothing;
    };
  }
}
