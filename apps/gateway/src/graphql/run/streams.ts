import { LiveFailure } from '../../live/live-runs.js';
import type { Stream } from '../../live/pull.js';
import { problem } from '../driver/errors.js';

/**
 * Not an async generator: its `return()` would wait for a `next()` that may never come, and the
 * source would be held for somebody who left.
 */
export function mapStream<S, T>(source: Stream<S>, map: (item: S) => T | Promise<T>): Stream<T> {
  return {
    async next() {
      try {
        const step = await source.next();
        if (step.done === true) return { done: true, value: undefined };
        return { done: false, value: await map(step.value) };
      } catch (error) {
        throw asGraphql(error);
      }
    },
    async each(pace, take) {
      try {
        await source.each(pace, (item) => {
          const mapped = map(item);
          return mapped instanceof Promise ? mapped.then(take) : take(mapped);
        });
      } catch (error) {
        throw asGraphql(error);
      }
    },
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function asGraphql(failure: unknown): unknown {
  if (!(failure instanceof LiveFailure)) return failure;
  const { error } = failure;
  switch (error.kind) {
    case 'BAD_CURSOR':
      return problem('BAD_CURSOR', 'The cursor is not one of this stream.');
    case 'CURSOR_EXPIRED': {
      const message = 'What followed the cursor is no longer kept: read anew, or from `oldest`.';
      return problem('CURSOR_EXPIRED', message, { oldest: error.oldest });
    }
    case 'SLOW_CONSUMER': {
      const message = 'You read too slowly. Nothing is lost: subscribe again after `resume`.';
      return problem('SLOW_CONSUMER', message, { resume: error.resume });
    }
    default: {
      const never: never = error;
      return never;
    }
  }
}
