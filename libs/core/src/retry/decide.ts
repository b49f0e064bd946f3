import type { Millis } from '../kernel/machine.js';
import type { Outcome, Policy, RetryClass, RetryRule, Token } from '../run/run.js';
import { retryDelay } from './retry.js';

/** How an attempt ended, as far as a retry depends on it. */
export interface Failure {
  readonly outcome: Outcome;
  readonly exitCode: number | null;
  readonly error: { readonly class: string; readonly code?: string | null } | null;
  /** What its handler asked for: `NEVER_AGAIN`, a delay, or null for nothing. */
  readonly retryMs: number | null;
  /** The executor gave it up by itself: drained, stopped, preempted. */
  readonly isGivenUp: boolean;
}
/** What a run has used up before this failure. */
export interface Spent {
  readonly all: number;
  readonly byClass: Readonly<Partial<Record<RetryClass, number>>>;
}
export type RetryDecision =
  | { readonly kind: 'retry'; readonly delayMs: Millis; readonly spends: RetryClass | null }
  | { readonly kind: 'dead'; readonly spends: RetryClass | null; readonly why: string };

export const NEVER_AGAIN = -1;

export function classOf({ outcome, isGivenUp }: Failure): RetryClass {
  if (outcome === 'TIMED_OUT') return 'timeout';
  return outcome === 'LOST' || isGivenUp ? 'platform' : 'user';
}

/** Semantics §5.2: whether there is another attempt, and after what delay. Caps hold always. */
export function decideRetry(
  policy: Policy,
  spent: Spent,
  failure: Failure,
  token: Token,
): RetryDecision {
  const { retry } = policy;
  const ofClass = classOf(failure);
  const isLoss = failure.outcome === 'LOST' || failure.isGivenUp;
  const spends = isLoss && policy.freeLoss === true ? null : ofClass;
  const dead = (why: string): RetryDecision => ({ kind: 'dead', spends, why });
  if (failure.outcome === 'REJECTED') return dead('it can run nowhere');
  if (policy.atMostOnce === true) return dead('its guarantee is AT_MOST_ONCE');
  // They are about what the job does; nobody let it.
  const rules = failure.isGivenUp ? [] : (retry.rules ?? []);
  const place = rules.findIndex((rule) => matches(rule, failure));
  const then = rules[place]?.then;
  if (then === 'NEVER') return dead(`rule ${place + 1} says never`);
  if (failure.retryMs === NEVER_AGAIN) return dead('it asked for no other attempt');
  if (spends !== null) {
    const why = exhausted(policy, spent, spends);
    if (why !== undefined) return dead(why);
  }
  const own = failure.retryMs ?? (typeof then === 'object' ? then.delayMs : null);
  const delayMs =
    own === null
      ? retryDelay(retry, spent.all + 1, token)
      : Math.min(Math.max(0, own), retry.maxDelayMs);
  return { kind: 'retry', delayMs, spends };
}

/** Undefined: there is one left. */
function exhausted({ retry }: Policy, spent: Spent, ofClass: RetryClass): string | undefined {
  const budgets = retry.budgets ?? {};
  const budget = budgets[ofClass];
  if (budget !== undefined) {
    const used = spent.byClass[ofClass] ?? 0;
    return used < budget ? undefined : `its budget of ${budget} for ${ofClass} is used up`;
  }
  let apart = 0;
  for (const name of Object.keys(budgets) as RetryClass[]) apart += spent.byClass[name] ?? 0;
  const count = spent.all - apart + 1;
  if (count < retry.maxAttempts) return undefined;
  return `${count} of ${retry.maxAttempts} attempts`;
}

function matches({ when }: RetryRule, { outcome, exitCode, error }: Failure): boolean {
  const { exitCodes, classes, statuses, outcomes } = when;
  if (outcomes !== undefined && !outcomes.includes(outcome)) return false;
  // What was lost was stopped: how its process ended then says nothing of the job.
  const own = outcome === 'LOST' ? null : exitCode;
  if (exitCodes !== undefined && (own === null || !exitCodes.includes(own))) return false;
  if (classes !== undefined && (error === null || !classes.includes(error.class))) return false;
  if (statuses === undefined) return true;
  return error?.class === 'HTTP_STATUS' && statuses.includes(Number(error.code));
}
