export type Millis = number;

/**
 * The shape of every decision in Orrery: synchronous, deterministic, without clock, chance or I/O.
 * A shell feeds messages and the time in, and performs the emitted effects later.
 */
export interface Machine<S, M, E> {
  /** May reuse `state` in place: the caller gives it up. */
  step(state: S, message: M, now: Millis, emit: (effect: E) => void): S;
}
