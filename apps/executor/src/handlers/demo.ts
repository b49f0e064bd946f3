import type { HandlerContext } from '#executor';

/** Handlers that `orrery dev` offers, so that a first run needs no code. */

export const noop = (): null => null;

/** Fails on its attempts 1 and 2: shows retries. */
export function flaky(params: unknown, context: HandlerContext): unknown {
  if (context.attempt < FLAKY_SUCCEEDS_AT) {
    throw new Error(`flaky fails on purpose on attempt ${context.attempt}`);
  }
  return { attempt: context.attempt, params };
}

const FLAKY_SUCCEEDS_AT = 3;
