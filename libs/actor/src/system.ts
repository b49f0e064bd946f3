import { EMPTY, Observable, Subject, Subscription, defer } from 'rxjs';
import { Actor } from './actor.js';
import { openAsk } from './ask.js';
import type { Behavior, SpawnOptions } from './behavior.js';
import { Family } from './family.js';
import { startIngest } from './ingest.js';
import type { Ingest } from './ingest.js';
import type { Child, End, Host, Incident, Parent, Resident } from './kernel.js';
import type { Millis } from './machine.js';
import { asRef, nothing } from './refs.js';
import type { ActorRef, Address, Answer, Cancel, Terminated } from './refs.js';
import type { Clock, Dispatcher, Runtime } from './runtime.js';
import type { Entry, ThreadPool, ThreadSpawnOptions } from './threads/entry.js';
import type { Frame } from './threads/frames.js';
import { Pool } from './threads/pool.js';
import { Router } from './threads/router.js';

export interface ActorSystem {
  spawn<M, S, A>(
    behavior: Behavior<M, S, A>,
    args: A,
    options: SpawnOptions<M, S>,
  ): ActorRef<M>;
  spawnOn<M, A>(
    pool: ThreadPool,
    entry: Entry<M, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): ActorRef<M>;
  /** Of an actor spawned here. Two stops are one. */
  stop(ref: ActorRef<never>): void;
  ask<M, R>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    withinMs: Millis,
  ): Promise<Answer<R>>;
  /** Views of an actor of this thread: replays the last one; completes when the actor ends. */
  state$<V>(ref: ActorRef<never>): Observable<V>;
  /** Pauses the source through `pause$` when the target is full. */
  ingest<M>(source$: Observable<readonly M[]>, target: ActorRef<M>): Ingest;
  /** Failures and what was done about them, from this thread and its pools. */
  readonly incidents$: Observable<Incident>;
  /**
   * Stops every actor, then the threads; what has not ended `withinMs` is terminated with its
   * thread. Mailboxes are not drained. Two shutdowns are one.
   */
  shutdown(withinMs: Millis): Promise<void>;
}

export function createSystem(runtime: Runtime): ActorSystem {
  return new System(runtime, 0);
}

/** The main thread of a process; threads of its pools count from 1. */
const MAIN_THREAD = 0;

export class System implements ActorSystem, Host, Parent {
  readonly clock: Clock;
  readonly dispatcher: Dispatcher;
  readonly random: () => number;
  readonly node: string;
  readonly path = '';
  readonly router: Router;
  private readonly incidents = new Subject<Incident>();
  readonly incidents$ = this.incidents.asObservable();
  private readonly family = new Family();
  private readonly residents = new Map<number, Resident>();
  private readonly pools = new Set<Pool>();
  private readonly ingests = new Subscription();
  private readonly asks = new Set<() => void>();
  private incarnations = 0;
  private threads = 0;
  private down: Promise<void> | undefined;

  constructor(
    runtime: Runtime,
    readonly thread: number,
    uplink?: (frames: readonly Frame[]) => void,
  ) {
    this.clock = runtime.clock;
    this.dispatcher = runtime.dispatcher;
    this.random = runtime.random ?? Math.random;
    this.node = runtime.node ?? 'local';
    this.router = new Router(this, uplink);
  }

  spawn<M, S, A>(
    behavior: Behavior<M, S, A>,
    args: A,
    options: SpawnOptions<M, S>,
  ): ActorRef<M> {
    this.assertUp(options.name);
    this.family.assertFree(options.name);
    return this.spawnFor(this, behavior, args, options, this.address(options.name));
  }

  /** For a parent in another thread: the address was given there. */
  spawnFor<M, S, A>(
    parent: Parent,
    behavior: Behavior<M, S, A>,
    args: A,
    options: SpawnOptions<M, S>,
    address: Address,
  ): ActorRef<M> {
    const actor = new Actor(this, parent, behavior, args, options, address);
    this.family.add(actor);
    return actor.ref;
  }

  spawnOn<A>(
    pool: ThreadPool,
    entry: Entry<never, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): never;
  spawnOn(): never {
    throw new Error();
  }
}
