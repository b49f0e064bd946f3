import { Observable, Subject } from 'rxjs';
import { EMPTY, Lane, Owed } from './lane.js';
import type { Empty } from './lane.js';
import type { Admit, Cancel } from './refs.js';
import type { Dispatcher } from './runtime.js';

export interface MailboxPolicy<M> {
  /** Messages that may wait, in each lane: a flood of submissions must not refuse results. */
  readonly capacity: number;
  /** Messages handled in one turn before others get theirs. */
  readonly slice: number;
  readonly overflow: 'reject' | 'drop-oldest';
  /** 0 is drained first: results before submissions. All in one lane when absent. */
  readonly lane?: (message: M) => 0 | 1;
  /** Same key: the newer message takes the older one's place (heartbeats, views). */
  readonly conflate?: (message: M) => string | undefined;
}

/** One turn's worth of messages. Valid only while `slices$` emits it. */
export interface Slice<M> {
  take(): M | Empty;
}

/**
 * A mailbox emits slices, not messages: the one emission a turn carries RxJS's life cycle
 * (retry, scan, unsubscribe) and its cost is shared by the whole slice.
 */
export class Mailbox<M> implements Slice<M> {
  private readonly urgent: Lane<M>;
  private readonly normal: Lane<M>;
  private readonly out = new Subject<Slice<M>>();
  private readonly waiters = new Set<() => void>();
  private budget = 0;
  private scheduled = false;
  private closed = false;

  constructor(
    private readonly policy: MailboxPolicy<M>,
    private readonly dispatcher: Dispatcher,
  ) {
    atLeastOne('capacity', policy.capacity);
    atLeastOne('slice', policy.slice);
    this.urgent = new Lane(policy);
    this.normal = new Lane(policy);
  }

  /** One subscriber at a time. What waits is kept between two of them: a restart loses nothing. */
  readonly slices$ = new Observable<Slice<M>>((subscriber) => {
    const subscription = this.out.subscribe(subscriber);
    this.kick();
    return subscription;
  });

  tell(message: M): Admit {
    if (this.closed) return 'gone';
    const admit = this.laneOf(message).push(message);
    if (!this.scheduled) this.kick();
    return admit;
  }

  /** Queues what the actor is owed; `open` decides on delivery whether it still wants it. */
  owe(message: M, open: () => M | Empty): void {
    if (this.closed) return;
    this.laneOf(message).owe(new Owed(open));
    this.kick();
  }

  take(): M | Empty {
    if (this.budget === 0) return EMPTY;
    let message = this.urgent.take();
    if (message === EMPTY) message = this.normal.take();
    if (message !== EMPTY) this.budget -= 1;
    return message;
  }

  /** Once, after a turn that made room, or on close: who was refused tries again. */
  whenRoom(run: () => void): Cancel {
    this.waiters.add(run);
    return () => this.waiters.delete(run);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.urgent.clear();
    this.normal.clear();
    this.wake();
  }

  private laneOf(message: M): Lane<M> {
    return this.policy.lane === undefined || this.policy.lane(message) === 0
      ? this.urgent
      : this.normal;
  }

  private kick(): void {
    if (this.scheduled || !this.out.observed || (this.urgent.empty && this.normal.empty)) return;
    this.scheduled = true;
    this.dispatcher.ready(this.turn);
  }

  private readonly turn = (): void => {
    this.scheduled = false;
    this.budget = this.policy.slice;
    this.out.next(this);
    this.budget = 0;
    this.kick();
    if (this.waiters.size > 0 && (this.urgent.hasRoom || this.normal.hasRoom)) this.wake();
  };

  private wake(): void {
    const waiters = [...this.waiters];
    this.waiters.clear();
    for (const run of waiters) run();
  }
}

function atLeastOne(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new RangeError(`mailbox ${name} is ${value}; it must be a whole number of at least 1`);
}
