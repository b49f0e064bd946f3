import { type CommandAction, RUN_STATES, type RunState } from '#core';
import type { RunListFilter } from '#postgres';
import { parseJson } from '#protocol';
import type { BulkAction } from '../schema/enums.js';
import { type UserError, userError } from '../schema/user-error.js';
import type { BulkRunsInput } from './bulk.model.js';
import { checkReason } from './commands.service.js';
import type { RunFilter } from './run.inputs.js';
import { given, readRunPriority } from './submission.js';

const PER_SECOND_MAX = 10_000;

const WAITING: readonly RunState[] = ['SCHEDULED', 'BLOCKED', 'READY'];
/** In which states a run is met by each action. */
export const FITS: Readonly<Record<BulkAction, readonly RunState[]>> = {
  CANCEL: [...WAITING, 'PAUSED', 'WAITING_RETRY', 'GRANTED', 'RUNNING', 'UNKNOWN', 'CANCELLING'],
  RETRY: ['DEAD', 'CANCELLED', 'EXPIRED', 'SKIPPED'],
  REPRIORITIZE: [...WAITING, 'PAUSED'],
  PAUSE: [...WAITING, 'WAITING_RETRY'],
  // Of what runs those that are frozen: `isPaused`.
  RESUME: ['PAUSED', 'RUNNING', 'UNKNOWN'],
  DISCARD: ['DEAD'],
};

/** What stands in the row: all that a gateway needs to go on with what another one began. */
export interface BulkRequest {
  readonly action: BulkAction;
  readonly filter: RunListFilter;
  /** As it was given. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly reason: string;
  readonly priority: number | null;
  readonly perSecond: number | null;
}

export const readRequest = (text: string): BulkRequest => parseJson(text) as BulkRequest;

/** Without what was left out; times as they are written. */
export function askedOf(filter: RunFilter): Readonly<Record<string, unknown>> {
  const members = Object.entries(filter).filter(([, value]) => given(value));
  return Object.fromEntries(
    members.map(([name, value]: [string, unknown]) => {
      return [name, typeof value === 'number' ? new Date(value).toISOString() : value];
    }),
  );
}

/**
 * Of what the filter matches, what the action fits. `now`: what was submitted later is not met; nor
 * is what became final later, where the action is for final runs.
 */
export function narrowed(
  filter: RunListFilter,
  { action }: Pick<BulkRequest, 'action'>,
  now: number,
): RunListFilter {
  const asked = filter.states ?? RUN_STATES;
  const states = FITS[action].filter((state) => asked.includes(state));
  const isForFinal = action === 'DISCARD' || action === 'RETRY';
  // The bounds leave out what is of their own millisecond.
  const until = (bound: number | undefined): number => Math.min(bound ?? now + 1, now + 1);
  return {
    ...filter,
    states,
    isPaused: action === 'RESUME' ? true : filter.isPaused,
    submittedBefore: until(filter.submittedBefore),
    ...(isForFinal ? { finishedBefore: until(filter.finishedBefore) } : {}),
    // What somebody has seen to is met only by who asks for it.
    discarded: filter.discarded ?? (isForFinal ? false : undefined),
    retried: filter.retried ?? (isForFinal ? false : undefined),
  };
}

export function commandOf({ action, priority }: BulkRequest): CommandAction {
  switch (action) {
    case 'CANCEL':
      return { kind: 'cancel', graceMs: null, force: false };
    case 'PAUSE':
      return { kind: 'pause' };
    case 'RESUME':
      return { kind: 'resume' };
    case 'DISCARD':
      return { kind: 'discard' };
    case 'REPRIORITIZE':
      if (!given(priority)) throw new Error('a priority is checked to be there');
      return { kind: 'update', change: { priority: Number(priority) } };
    case 'RETRY':
      throw new Error('a retry is no command');
    default: {
      const never: never = action;
      return never;
    }
  }
}

export function checkBulk(input: BulkRunsInput, errors: UserError[]): void {
  const { action, priority, perSecond } = input;
  checkReason(input.reason, errors);
  readRunPriority(priority, [], errors);
  if (action === 'REPRIORITIZE' && !given(priority)) {
    errors.push(userError('REQUIRED', ['priority'], 'Say which priority they are to have.'));
  } else if (action !== 'REPRIORITIZE' && given(priority)) {
    const message = `A priority is for REPRIORITIZE, and not for ${action}.`;
    errors.push(userError('INVALID_INPUT', ['priority'], message));
  }
  if (action === 'DISCARD' && input.filter.retried === true) {
    const message = 'What was retried is no dead letter any more: there is nothing to discard.';
    errors.push(userError('INVALID_INPUT', ['filter', 'retried'], message));
  }
  if (action === 'RESUME' && input.filter.paused === false) {
    const message = 'What is not paused has nothing to be resumed from.';
    errors.push(userError('INVALID_INPUT', ['filter', 'paused'], message));
  }
  const pace = perSecond ?? 1;
  if (pace < 1 || pace > PER_SECOND_MAX) {
    const message = `perSecond goes from 1 to ${PER_SECOND_MAX}.`;
    errors.push(userError('INVALID_VALUE', ['perSecond'], message));
  }
}
