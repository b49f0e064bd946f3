import { openAsk } from './ask.js';
import type { ActorContext, Behavior, SpawnOptions } from './behavior.js';
import type { Child, Host } from './kernel.js';
import { EMPTY } from './lane.js';
import type { Empty } from './lane.js';
import type { Millis } from './machine.js';
import type { Mailbox } from './mailbox.js';
import { nothing } from './refs.js';
import type { ActorRef, Answer, Cancel, Outcome, Ref, Terminated } from './refs.js';
import type { Clock } from './runtime.js';
import type { Entry, ThreadPool, ThreadSpawnOptions } from './threads/entry.js';
import { Timers } from './timers.js';

/** What a life needs of the actor that lives it. */
export interface Liver<M> {
  readonly host: Host;
  readonly ref: Ref<M>;
  readonly mailbox: Mailbox<M>;
  adopt<N, S, A>(behavior: Behavior<N, S, A>, args: A, options: SpawnOptions<N, S>): Ref<N>;
  adoptOn<A>(pool: ThreadPool, entry: Entry<never, A>, args: A, options: ThreadSpawnOptions): Child;
  stopChild(child: ActorRef<never>): void;
  fail(error: unknown): void;
}

/**
 * One incarnation of an actor, from `start` to a failure or a stop, and the context it is given.
 * Whatever it began ends with it; a context kept beyond that does nothing (spawning throws).
 */
export class Life<M> implements ActorContext<M> {
  readonly self: ActorRef<M>;
  readonly clock: Pick<Clock, 'now' | 'elapsed'>;
  private alive = true;
  private readonly timers: Timers<M>;
  /** Open asks and watches. */
  private readonly open = new Set<{ cancel: Cancel }>();

  constructor(private readonly actor: Liver<M>) {
    this.self = actor.ref;
    this.clock = actor.host.clock;
    this.timers = new Timers(actor.host.clock, (message, open) => actor.mailbox.owe(message, open));
  }

  spawn<N, S, A>(behavior: Behavior<N, S, A>, args: A, options: SpawnOptions<N, S>): ActorRef<N> {
    this.assertAlive();
    return this.actor.adopt(behavior, args, options);
  }

  spawnOn<N, A>(
    pool: ThreadPool,
    entry: Entry<N, A>,
    args: A,
    options: ThreadSpawnOptions,
  ): ActorRef<N> {
    this.assertAlive();
    return this.actor.adoptOn(pool, entry, args, options).ref as Ref<N>;
  }

  stop(child: ActorRef<never>): void {
    if (this.alive) this.actor.stopChild(child);
  }

  watch(target: ActorRef<never>, toMessage: (end: Terminated) => M): void {
    this.begin((done) =>
      this.actor.host.watch(target.address, (end) => {
        done();
        this.deliver(() => toMessage(end));
      }),
    );
  }

  ask<N, R>(
    target: ActorRef<N>,
    build: (replyTo: ActorRef<R>) => N,
    withinMs: Millis,
    toMessage: (answer: Answer<R>) => M,
  ): void {
    this.begin((done) =>
      openAsk<N, R>(this.actor.host, target, build, withinMs, (answer) => {
        done();
        this.deliver(() => toMessage(answer));
      }),
    );
  }

  pipe<T>(work: Promise<T>, toMessage: (outcome: Outcome<T>) => M): void {
    work.then(
      (value) => this.deliver(() => toMessage({ ok: true, value })),
      (error: unknown) => this.deliver(() => toMessage({ ok: false, error })),
    );
  }

  timer(key: string, delayMs: Millis, message: M): void {
    if (this.alive) this.timers.arm(key, delayMs, message);
  }

  cancel(key: string): void {
    this.timers.cancel(key);
  }

  end(): void {
    this.alive = false;
    this.timers.clear();
    for (const { cancel } of this.open) cancel();
    this.open.clear();
  }

  /** Keeps the cancel of something that may be over before it has returned it. */
  private begin(start: (done: () => void) => Cancel): void {
    if (!this.alive) return;
    const entry = { cancel: nothing };
    this.open.add(entry);
    entry.cancel = start(() => this.open.delete(entry));
  }

  private deliver(make: () => M): void {
    if (!this.alive) return;
    try {
      const message = make();
      this.actor.mailbox.owe(message, (): M | Empty => (this.alive ? message : EMPTY));
    } catch (error) {
      this.actor.fail(error);
    }
  }

  private assertAlive(): void {
    if (this.alive) return;
    throw new Error(`${this.self.address.path}: this context ended with its incarnation`);
  }
}
