import type { Millis } from './machine.js';
import type { MailboxPolicy } from './mailbox.js';
import type { ActorRef, Answer, Outcome, StopReason, Terminated } from './refs.js';
import type { Clock } from './runtime.js';
import type { SupervisionStrategy } from './supervision.js';
import type { Entry, ThreadPool, ThreadSpawnOptions } from './threads/entry.js';

export const STOP: unique symbol = Symbol('stop');
export type Stop = typeof STOP;

export interface Loading<S> {
  readonly loading: Promise<S>;
}

export function isLoading<S>(started: S | Loading<S>): started is Loading<S> {
  if (typeof started !== 'object' || started === null || !('loading' in started)) return false;
  return started.loading instanceof Promise;
}

/** The impure shell round a machine. */
export interface Behavior<M, S, A = void> {
  readonly name: string;
  /** Fresh state, at birth and at restarts. While `Loading`, messages wait; a stop does not. */
  start(args: A, context: ActorContext<M>): S | Loading<S>;
  receive(state: S, message: M, context: ActorContext<M>): S | Stop;
  /** Once after each slice of messages: the place of a group commit. Not after a STOP. */
  settle?(state: S, context: ActorContext<M>): S | Stop;
  /** Once for each state that `start` gave, when its life ends: by a stop or by a failure. */
  stopped?(state: S, reason: StopReason): void;
}

/** Belongs to one life of an actor: after a restart or a stop it does nothing any more. */
export interface ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly clock: Pick<Clock, 'now' | 'elapsed'>;
  /** The child starts in a turn of its own and ends with this life. A name in use throws. */
  spawn<N, S, A>(behavior: Behavior<N, S, A>, args: A, options: SpawnOptions<N, S>): ActorRef<N>;
  spawnOn<N, A>(
    pool: ThreadPool,
    entry: Entry<N, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): ActorRef<N>;
  /** Of a child. One that has ended, or is no child, is left alone. */
  stop(child: ActorRef<never>): void;
  watch(target: ActorRef<never>, toMessage: (end: Terminated) => M): void;
  ask<N, R>(
    target: ActorRef<N>,
    build: (replyTo: ActorRef<R>) => N,
    withinMs: Millis,
    toMessage: (answer: Answer<R>) => M,
  ): void;
  /** The only door for a promise: its outcome comes back as a message, or not at all. */
  pipe<T>(work: Promise<T>, toMessage: (outcome: Outcome<T>) => M): void;
  /** Arming a key again replaces it; a replaced or cancelled timer never delivers. */
  timer(key: string, delayMs: Millis, message: M): void;
  cancel(key: string): void;
}

export interface SpawnOptions<M, S> {
  readonly name: string;
  readonly mailbox: MailboxPolicy<M>;
  readonly supervision: SupervisionStrategy;
  /** What observers see, at most once a slice. A value, not the state: that may change in place. */
  readonly view?: (state: S) => unknown;
}

/** What an entry module exports. Policies hold functions, so they live beside the behaviour. */
export interface ThreadEntry<M, S, A = void> {
  readonly behavior: Behavior<M, S, A>;
  readonly options: Omit<SpawnOptions<M, S>, 'name'>;
}
