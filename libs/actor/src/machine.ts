export type Millis = number;

/**
 * The core of everything that decides: synchronous, without clock, chance or promise.
 * The same type stands in libs/core; both are structural, so neither has to import the other.
 */
export interface Machine<S, M, E> {
  initial(): S;
  /** Deterministic. May reuse `state` in place: the caller gives it up. */
  step(state: S, message: M, now: Millis, emit: (effect: E) => void): S;
}
