/**
 * A watched child.
 *
 *     idle ──start──► starting ──reported──► ready
 *                      ▲    │ exited          │ exited
 *                 retry│    ▼                 ▼
 *                      └─ backing-off ◄───────┘
 *     stop: idle, backing-off → ended; starting, ready → stopping ──exited──► ended
 *
 * 1. A child is spawned only when none is alive.
 * 2. It is started again for ever, each time later, up to a bound; a healthy time forgives.
 * 3. After a stop nothing is spawned.
 * 4. `ended` is told exactly once.
 */
export type ChildState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting'; readonly failures: number }
  | { readonly kind: 'ready'; readonly failures: number; readonly sinceMs: number }
  | { readonly kind: 'backing-off'; readonly failures: number }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'ended' };

export type ChildMessage =
  | { readonly kind: 'start' }
  | { readonly kind: 'reported' }
  | { readonly kind: 'exited' }
  | { readonly kind: 'retry' }
  | { readonly kind: 'stop' };

export type ChildEffect =
  | { readonly kind: 'spawn' }
  | { readonly kind: 'wait'; readonly delayMs: number }
  | { readonly kind: 'forget-wait' }
  | { readonly kind: 'terminate' }
  | { readonly kind: 'ended' };

export const BACKOFF_MS_MIN = 100;
export const BACKOFF_MS_MAX = 5_000;
export const HEALTHY_MS = 30_000;

export const backoffMs = (failures: number): number =>
  Math.min(BACKOFF_MS_MIN * 2 ** (failures - 1), BACKOFF_MS_MAX);

type Emit = (effect: ChildEffect) => void;

export function step(
  state: ChildState,
  message: ChildMessage,
  nowMs: number,
  emit: Emit,
): ChildState {
  switch (message.kind) {
    case 'start':
      if (state.kind !== 'idle') return state;
      emit({ kind: 'spawn' });
      return { kind: 'starting', failures: 0 };
    case 'reported':
      // Late words of a child that is being stopped change nothing.
      if (state.kind !== 'starting') return state;
      return { kind: 'ready', failures: state.failures, sinceMs: nowMs };
    case 'exited':
      return exited(state, nowMs, emit);
    case 'retry':
      if (state.kind !== 'backing-off') return state;
      emit({ kind: 'spawn' });
      return { kind: 'starting', failures: state.failures };
    case 'stop':
      return stop(state, emit);
    default:
      return message satisfies never;
  }
}

function exited(state: ChildState, nowMs: number, emit: Emit): ChildState {
  switch (state.kind) {
    case 'starting':
      return backOff(state.failures + 1, emit);
    case 'ready':
      return backOff(nowMs - state.sinceMs >= HEALTHY_MS ? 1 : state.failures + 1, emit);
    case 'stopping':
      emit({ kind: 'ended' });
      return { kind: 'ended' };
    case 'idle':
    case 'backing-off':
    case 'ended':
      return state; // no child was alive
    default:
      return state satisfies never;
  }
}

function backOff(failures: number, emit: Emit): ChildState {
  emit({ kind: 'wait', delayMs: backoffMs(failures) });
  return { kind: 'backing-off', failures };
}

function stop(state: ChildState, emit: Emit): ChildState {
  switch (state.kind) {
    case 'starting':
    case 'ready':
      emit({ kind: 'terminate' });
      return { kind: 'stopping' };
    case 'backing-off':
      emit({ kind: 'forget-wait' });
      emit({ kind: 'ended' });
      return { kind: 'ended' };
    case 'idle':
      emit({ kind: 'ended' });
      return { kind: 'ended' };
    case 'stopping':
    case 'ended':
      return state;
    default:
      return state satisfies never;
  }
}
