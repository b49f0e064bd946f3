export interface Address {
  readonly node: string;
  readonly thread: number;
  readonly path: string;
  /** Unique within a thread of a process: a later actor at the same path is another one. */
  readonly incarnation: number;
}

/** 'accepted' says that the message waits in a mailbox, not that it was handled. */
export type Admit = 'accepted' | 'full' | 'gone';

export interface ActorRef<in M> {
  readonly address: Address;
  tell(message: M): Admit;
}

/** 'gone': it had ended before it was watched, nobody knows why any more. */
export type StopReason = 'asked' | 'failed' | 'parent' | 'thread-lost' | 'gone';

export interface Terminated {
  readonly address: Address;
  readonly reason: StopReason;
  readonly error?: unknown;
}

export type Answer<R> =
  | { readonly ok: true; readonly value: R }
  | { readonly ok: false; readonly why: 'timeout' | 'gone' | 'full' };

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

export type Cancel = () => void;
export const nothing: Cancel = () => undefined;

/**
 * Every ref of this library. `tell` is a property of the object and no method: a ref that hides too
 * deep in a message for the thread codec to find then fails to clone, instead of arriving dead.
 */
export class Ref<in M> implements ActorRef<M> {
  constructor(
    readonly address: Address,
    readonly tell: (message: M) => Admit,
    /** Calls back once when a 'full' may have passed. Never for a ref that is never full. */
    readonly whenRoom: (run: () => void) => Cancel = () => nothing,
  ) {}
}

/** A ref by its library class; ActorRef stays an interface so that a test may fake one. */
export function asRef<M>(ref: ActorRef<M>): Ref<M> {
  if (ref instanceof Ref) return ref as Ref<M>;
  throw new TypeError(`${ref.address.path}: not a ref made by this library`);
}
