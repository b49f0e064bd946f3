import { EMPTY, Observable, Subject, Subscription, defer } from 'rxjs';
import { Actor } from './actor.js';
import { openAsk } from './ask.js';
import type { Behavior, SpawnOptions } from './behavior.js';
import { Family } from './family.js';
import { startIngest } from './ingest.js';
import type { Ingest } from './ingest.js';
import { childPath } from './kernel.js';
import type { Child, End, Host, Incident, Parent, Resident } from './kernel.js';
import type { Millis } from './machine.js';
import { asRef, nothing } from './refs.js';
import type { ActorRef, Address, Answer, Cancel, Ref, Terminated } from './refs.js';
import type { Clock, Dispatcher, Runtime } from './runtime.js';
import type { Entry, ThreadPool, ThreadSpawnOptions } from './threads/entry.js';
import type { Frame } from './threads/frames.js';
import { Pool } from './threads/pool.js';
import { Router } from './threads/router.js';

export interface ActorSystem {
  spawn<M, S, A>(behavior: Behavior<M, S, A>, args: A, options: SpawnOptions<M, S>): ActorRef<M>;
  spawnOn<M, A>(
    pool: ThreadPool,
    entry: Entry<M, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): ActorRef<M>;
  spawnOn<M, A>(
    pool: ThreadPool,
    entry: Entry<M, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): ActorRef<M>;
  /** Of an actor spawned here, by the system. Two stops are one. */
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
  return new System(runtime, MAIN_THREAD);
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

  spawn<M, S, A>(behavior: Behavior<M, S, A>, args: A, options: SpawnOptions<M, S>): ActorRef<M> {
    return this.spawnAt(this.address(options.name), behavior, args, options, () => undefined);
  }

  /** At an address given by a parent in another thread, who is told of the end. */
  spawnAt<M, S, A>(
    address: Address,
    behavior: Behavior<M, S, A>,
    args: A,
    options: SpawnOptions<M, S>,
    ended: (end: End) => void,
  ): ActorRef<M> {
    this.assertUp(address.path);
    this.family.assertFree(address.path);
    const parent: Parent = {
      path: this.path,
      childEnded: (child, end) => {
        this.family.remove(child);
        ended(end);
      },
    };
    const actor = new Actor(this, parent, behavior, args, options, address);
    this.family.add(actor);
    return actor.ref;
  }

  spawnOn<M, A>(
    pool: ThreadPool,
    entry: Entry<M, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): ActorRef<M> {
    this.family.assertFree(options.name);
    const child = this.startOn(this, pool, entry, args, options);
    this.family.add(child);
    return child.ref as Ref<M>;
  }

  startOn<A>(
    parent: Parent,
    pool: ThreadPool,
    entry: Entry<never, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): Child {
    const path = childPath(parent, options.name);
    this.assertUp(path);
    if (this.thread !== MAIN_THREAD || !(pool instanceof Pool)) {
      throw new Error(`${path}: threads are started by the main thread, from createThreadPool`);
    }
    this.pools.add(pool);
    const thread = pool.thread(options.thread ?? pool.pick(options.name), this);
    return this.router.spawn(parent, { node: this.node, thread, path }, entry, args);
  }

  nextThread(): number {
    this.threads += 1;
    return this.threads;
  }

  stop(ref: ActorRef<never>): void {
    this.family.stop(ref);
  }

  childEnded(child: Child): void {
    this.family.remove(child);
  }

  ask<M, R>(
    target: ActorRef<M>,
    build: (replyTo: ActorRef<R>) => M,
    withinMs: Millis,
  ): Promise<Answer<R>> {
    return new Promise((resolve) => {
      let cancel = nothing;
      const abandon = (): void => {
        cancel();
        resolve({ ok: false, why: 'gone' });
      };
      this.asks.add(abandon);
      cancel = openAsk<M, R>(this, target, build, withinMs, (answer) => {
        this.asks.delete(abandon);
        resolve(answer);
      });
    });
  }

  state$<V>(ref: ActorRef<never>): Observable<V> {
    const { thread, path, incarnation } = ref.address;
    return defer(() => {
      if (thread !== this.thread)
        throw new Error(`${path} lives in thread ${thread}: no view here`);
      return (this.residents.get(incarnation)?.view$ ?? EMPTY) as Observable<V>;
    });
  }

  ingest<M>(source$: Observable<readonly M[]>, target: ActorRef<M>): Ingest {
    const ingest = startIngest(source$, asRef(target));
    this.ingests.add(ingest);
    return ingest;
  }

  shutdown(withinMs: Millis): Promise<void> {
    // Not in this turn: an actor that asks for it would find itself half stopped.
    this.down ??= Promise.resolve().then(() => this.takeDown(withinMs));
    return this.down;
  }

  address(path: string): Address {
    this.incarnations += 1;
    return { node: this.node, thread: this.thread, path, incarnation: this.incarnations };
  }

  enter(resident: Resident): void {
    this.residents.set(resident.ref.address.incarnation, resident);
  }

  leave(address: Address): void {
    this.residents.delete(address.incarnation);
  }

  resident(address: Pick<Address, 'incarnation'>): Resident | undefined {
    return this.residents.get(address.incarnation);
  }

  watch(target: Address, notify: (end: Terminated) => void): Cancel {
    if (target.thread !== this.thread) return this.router.watch(target, notify);
    const resident = this.residents.get(target.incarnation);
    if (resident?.watch !== undefined) return resident.watch(notify);
    notify({ address: target, reason: 'gone' });
    return nothing;
  }

  report(incident: Incident): void {
    this.incidents.next(incident);
  }

  private async takeDown(withinMs: Millis): Promise<void> {
    const deadline = this.clock.elapsed() + withinMs;
    this.ingests.unsubscribe();
    for (const abandon of this.asks) abandon();
    this.asks.clear();
    this.family.stopAll('asked');
    await new Promise<void>((resolve) => {
      const cancel = this.clock.after(withinMs, resolve);
      this.family.whenEmpty(() => {
        cancel();
        resolve();
      });
    });
    const leftMs = Math.max(0, deadline - this.clock.elapsed());
    await Promise.all([...this.pools].map((pool) => pool.close(leftMs, this)));
    this.incidents.complete();
  }

  private assertUp(path: string): void {
    if (this.down !== undefined) throw new Error(`${path}: the actor system is shutting down`);
  }
}
