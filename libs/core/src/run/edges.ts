import { type RunState, isFinal } from './run.js';

/**
 * Semantics 1.1, edge by edge: from → every state that may follow. A state that is not listed as a
 * successor is illegal, and a step that takes such an edge is a bug.
 */
export const EDGES: Readonly<Record<RunState, readonly RunState[]>> = {
  SCHEDULED: ['BLOCKED', 'READY', 'PAUSED', 'EXPIRED', 'SKIPPED', 'CANCELLED', 'DEAD', 'SUCCEEDED'],
  BLOCKED: ['READY', 'PAUSED', 'EXPIRED', 'SKIPPED', 'CANCELLED', 'DEAD', 'SUCCEEDED'],
  // Back to SCHEDULED: a person has put it off.
  READY: [
    'GRANTED',
    'SCHEDULED',
    'BLOCKED',
    'PAUSED',
    'EXPIRED',
    'SKIPPED',
    'CANCELLED',
    'DEAD',
    'SUCCEEDED',
  ],
  GRANTED: [
    'RUNNING',
    'READY',
    'UNKNOWN',
    'CANCELLING',
    'WAITING_RETRY',
    'SUCCEEDED',
    'DEAD',
    'CANCELLED',
  ],
  RUNNING: [
    'UNKNOWN',
    'CANCELLING',
    'WAITING_RETRY',
    'PAUSED',
    'SUCCEEDED',
    'DEAD',
    'CANCELLED',
    'READY',
  ],
  WAITING_RETRY: [
    'READY',
    'BLOCKED',
    'PAUSED',
    'EXPIRED',
    'SKIPPED',
    'CANCELLED',
    'DEAD',
    'SUCCEEDED',
  ],
  PAUSED: [
    'SCHEDULED',
    'BLOCKED',
    'READY',
    'WAITING_RETRY',
    'RUNNING',
    'EXPIRED',
    'SKIPPED',
    'CANCELLED',
    'DEAD',
    'SUCCEEDED',
  ],
  UNKNOWN: [
    'GRANTED',
    'RUNNING',
    'READY',
    'CANCELLING',
    'WAITING_RETRY',
    'SUCCEEDED',
    'DEAD',
    'CANCELLED',
  ],
  CANCELLING: ['CANCELLED', 'WAITING_RETRY', 'DEAD', 'PAUSED'],
  SUCCEEDED: [],
  DEAD: [],
  CANCELLED: [],
  EXPIRED: [],
  SKIPPED: [],
};

export function mayFollow(from: RunState, to: RunState): boolean {
  return EDGES[from].includes(to);
}

/** A broken edge is a bug of ours: it restarts the actor instead of reaching the database. */
export function assertEdge(from: RunState, to: RunState): void {
  if (!mayFollow(from, to)) {
    throw new Error(`a run may not go from ${from} to ${to}${isFinal(from) ? ' (final)' : ''}`);
  }
}
