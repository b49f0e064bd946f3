import type { Observable } from 'rxjs';
import type { Address, Cancel, Ref, StopReason, Terminated } from './refs.js';
import type { Clock, Dispatcher } from './runtime.js';
import type { Directive } from './supervision.js';
import type { Entry, ThreadPool, ThreadSpawnOptions } from './threads/entry.js';

/** Something went wrong and was dealt with: for the log and the metrics. */
export interface Incident {
  readonly address: Address;
  /** The name of its behaviour, where it is known here. */
  readonly behavior?: string;
  readonly error: unknown;
  readonly message: unknown;
  /** What was done; 'dropped': a message or a clean-up failed and nobody can take it back. */
  readonly outcome: Directive | 'thread-lost' | 'dropped';
}

export interface End {
  readonly reason: StopReason;
  readonly error?: unknown;
  /** The parent fails with it. */
  readonly escalated: boolean;
}

/** An actor as its parent sees it, here or in another thread. */
export interface Child {
  readonly ref: Ref<never>;
  stop(reason: StopReason): void;
}

export interface Parent {
  readonly path: string;
  childEnded(child: Child, end: End): void;
}

/** What an address leads to: an actor, or a reply that another thread may send to. */
export interface Resident {
  readonly ref: Ref<never>;
  stop?(reason: StopReason): void;
  watch?(notify: (end: Terminated) => void): Cancel;
  readonly view$?: Observable<unknown>;
}

/** What an actor needs of its system. */
export interface Host {
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  readonly random: () => number;
  address(path: string): Address;
  enter(resident: Resident): void;
  leave(address: Address): void;
  watch(target: Address, notify: (end: Terminated) => void): Cancel;
  report(incident: Incident): void;
  startOn<A>(
    parent: Parent,
    pool: ThreadPool,
    entry: Entry<never, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): Child;
}

export function childPath(parent: Parent, name: string): string {
  return parent.path === '' ? name : `${parent.path}/${name}`;
}
