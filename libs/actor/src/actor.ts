import { Observable, Subject, Subscription, defer, merge, of, throwError } from 'rxjs';
import { map, retry, scan, startWith, switchMap } from 'rxjs';
import { STOP, isLoading } from './behavior.js';
import type { Behavior, Loading, SpawnOptions } from './behavior.js';
import { Family } from './family.js';
import { childPath } from './kernel.js';
import type { Child, End, Host, Incident, Parent, Resident } from './kernel.js';
import { EMPTY } from './lane.js';
import { Life } from './life.js';
import type { Liver } from './life.js';
import { Mailbox } from './mailbox.js';
import type { Slice } from './mailbox.js';
import { Ref } from './refs.js';
import type { Address, Cancel, StopReason, Terminated } from './refs.js';
import { Supervisor } from './supervision.js';
import type { Entry, ThreadPool, ThreadSpawnOptions } from './threads/entry.js';
import { View } from './view.js';

/**
 * An actor: `defer(start) → scan(drain a slice, then settle) → retry({ delay: supervise })`.
 *
 *   waiting ──ready──► living ──error──► failed ──back-off──► living
 *      │                 │ stop, STOP      │ stop, escalate
 *      └────────────────►└──► ending ◄─────┘ ──no children left──► ended
 *
 * 1. One turn at a time; a stop asked for within a turn takes effect at its end.
 * 2. A life ends before the next begins: children first, then `stopped`, once for each state.
 * 3. The failing message is gone; all others stay in the mailbox over a restart.
 * 4. `ended` is final: watchers and parent hear of it once, and `tell` answers 'gone'.
 */
export class Actor<M, S, A> implements Liver<M>, Child, Parent, Resident {
  readonly ref: Ref<M>;
  readonly path: string;
  readonly mailbox: Mailbox<M>;
  readonly view$: Observable<unknown>;
  private readonly family = new Family();
  private readonly supervisor: Supervisor;
  private readonly subscription = new Subscription();
  private readonly escalated$ = new Subject<unknown>();
  private readonly watchers = new Set<(end: Terminated) => void>();
  private readonly view: View<S>;
  private life: Life<M> | undefined;
  private held: { readonly state: S } | undefined;
  private message: unknown;
  private busy = false;
  private ending: End | undefined;
  private ended = false;

  constructor(
    readonly host: Host,
    private readonly parent: Parent,
    private readonly behavior: Behavior<M, S, A>,
    private readonly args: A,
    options: SpawnOptions<M, S>,
    address: Address,
  ) {
    this.path = address.path;
    this.mailbox = new Mailbox(options.mailbox, host.dispatcher);
    const { mailbox } = this;
    this.ref = new Ref(
      address,
      (message) => mailbox.tell(message),
      (run) => mailbox.whenRoom(run),
    );
    this.supervisor = new Supervisor(options.supervision, host.clock, host.random);
    this.view = new View(address.path, options.view, host.dispatcher, () => this.held);
    this.view$ = this.view.values$;
    host.enter(this);
    host.dispatcher.ready(() => this.run());
  }

  stop(reason: StopReason): void {
    this.endWith({ reason, escalated: false });
  }

  watch(notify: (end: Terminated) => void): Cancel {
    this.watchers.add(notify);
    return () => this.watchers.delete(notify);
  }

  adopt<N, T, B>(behavior: Behavior<N, T, B>, args: B, options: SpawnOptions<N, T>): Ref<N> {
    const path = childPath(this, options.name);
    this.family.assertFree(path);
    const address = this.host.address(path);
    const child = new Actor(this.host, this, behavior, args, options, address);
    this.family.add(child);
    return child.ref;
  }

  adoptOn<B>(
    pool: ThreadPool,
    entry: Entry<never, B>,
    args: B,
    options: ThreadSpawnOptions,
  ): Child {
    this.family.assertFree(childPath(this, options.name));
    const child = this.host.startOn(this, pool, entry, args, options);
    this.family.add(child);
    return child;
  }

  stopChild(child: Child['ref']): void {
    this.family.stop(child);
  }

  childEnded(child: Child, end: End): void {
    this.family.remove(child);
    if (end.escalated) this.fail(end.error);
  }

  /** A child escalated, or what it was owed could not become a message. Not within a turn. */
  fail(error: unknown): void {
    const { life } = this;
    if (life === undefined || this.ending !== undefined) return;
    if (!this.busy) this.escalated$.next(error);
    else this.host.dispatcher.ready(() => (this.life === life ? this.fail(error) : undefined));
  }

  private run(): void {
    if (this.ended) return;
    const life$ = defer(() => this.begin()).pipe(
      switchMap((initial) =>
        this.mailbox.slices$.pipe(
          scan((state, slice) => this.drain(state, slice), initial),
          startWith(initial),
        ),
      ),
    );
    const failures$ = this.escalated$.pipe(
      map((error): never => {
        throw error;
      }),
    );
    this.subscription.add(
      merge(failures$, life$)
        .pipe(retry({ delay: (error) => this.supervise(error) }))
        .subscribe({
          next: () => {
            this.view.changed();
            this.afterTurn();
          },
          error: (error: unknown) => {
            // Only a `decide` that throws comes here undecided.
            this.endWith({ reason: 'failed', error, escalated: true });
            this.wind();
          },
        }),
    );
    this.afterTurn();
  }

  private begin(): Observable<S> {
    const life = new Life<M>(this);
    this.life = life;
    this.message = undefined;
    const started = this.turn(() => this.behavior.start(this.args, life));
    return isLoading(started) ? this.loaded(started) : of(this.hold(started));
  }

  /** A state that arrives after its life has ended still holds resources: it is released. */
  private loaded({ loading }: Loading<S>): Observable<S> {
    return new Observable((subscriber) => {
      loading.then(
        (state) => {
          if (subscriber.closed) this.release(state, this.ending?.reason ?? 'failed');
          else subscriber.next(this.hold(state));
        },
        (error: unknown) => subscriber.error(error),
      );
    });
  }

  private drain(from: S, slice: Slice<M>): S {
    const { behavior } = this;
    const life = this.life as Life<M>;
    let state = from;
    return this.turn(() => {
      try {
        for (let message = slice.take(); message !== EMPTY; message = slice.take()) {
          this.message = message;
          const next = behavior.receive(state, message, life);
          if (next === STOP) return this.stopped(state);
          state = next;
        }
        this.message = undefined;
        const settled = behavior.settle === undefined ? state : behavior.settle(state, life);
        if (settled === STOP) return this.stopped(state);
        state = settled;
        return state;
      } finally {
        this.hold(state);
      }
    });
  }

  private stopped(state: S): S {
    this.stop('asked');
    return state;
  }

  private turn<T>(work: () => T): T {
    this.busy = true;
    try {
      return work();
    } finally {
      this.busy = false;
    }
  }

  private afterTurn(): void {
    if (this.ending !== undefined && !this.busy) this.wind();
  }

  private supervise(error: unknown): Observable<unknown> {
    const { message } = this;
    this.endLife();
    if (this.ending !== undefined) return throwError(() => error);
    const verdict = this.supervisor.judge(this.ref.address, error, message);
    this.report(error, message, verdict.directive);
    if (verdict.directive === 'restart') return this.restarted(verdict.delayMs);
    const escalated = verdict.directive === 'escalate';
    this.ending = { reason: 'failed', error, escalated };
    this.mailbox.close();
    return throwError(() => error);
  }

  /** Emits when the next life may begin: the children are gone and the back-off is over. */
  private restarted(delayMs: number): Observable<unknown> {
    return new Observable((subscriber) => {
      subscriber.add(
        this.family.whenEmpty(() => {
          this.releaseHeld('failed');
          subscriber.add(this.host.clock.after(delayMs, () => subscriber.next(undefined)));
        }),
      );
    });
  }

  private endWith(end: End): void {
    if (this.ending !== undefined) return;
    this.ending = end;
    this.mailbox.close();
    if (!this.busy) this.wind();
  }

  private endLife(): void {
    this.life?.end();
    this.life = undefined;
    this.family.stopAll('parent');
  }

  /** Twice when a stop meets a failure, so each step of it is harmless the second time. */
  private wind(): void {
    this.subscription.unsubscribe();
    this.endLife();
    this.family.whenEmpty(() => this.finish(this.ending as End));
  }

  private finish(end: End): void {
    if (this.ended) return;
    this.ended = true;
    this.releaseHeld(end.reason);
    this.host.leave(this.ref.address);
    this.view.end();
    const { reason } = end;
    const terminated: Terminated = {
      address: this.ref.address,
      reason,
      ...(end.error === undefined ? {} : { error: end.error }),
    };
    for (const notify of this.watchers) notify(terminated);
    this.watchers.clear();
    this.parent.childEnded(this, end);
  }

  private hold(state: S): S {
    this.held = { state };
    return state;
  }

  private releaseHeld(reason: StopReason): void {
    const { held } = this;
    this.held = undefined;
    if (held !== undefined) this.release(held.state, reason);
  }

  private release(state: S, reason: StopReason): void {
    try {
      this.behavior.stopped?.(state, reason);
    } catch (error) {
      this.report(error, undefined, 'dropped');
    }
  }

  private report(error: unknown, message: unknown, outcome: Incident['outcome']): void {
    const { address } = this.ref;
    this.host.report({ address, behavior: this.behavior.name, error, message, outcome });
  }
}
