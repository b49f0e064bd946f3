import type { ExecutionResult } from 'graphql';
import type { Pace } from '../../live/pace.js';
import type { Stream } from '../../live/pull.js';
import { unmarkBigIntegers } from '#protocol';

/** The end of a message of graphql-ws with each result, made once for all who are sent the same. */
export class ResultBodies {
  private readonly known = new WeakMap<ExecutionResult, Buffer>();

  constructor(private readonly format: (result: ExecutionResult) => object) {}

  of(result: ExecutionResult): Buffer {
    let body = this.known.get(result);
    if (body === undefined) {
      body = Buffer.from(`${unmarkBigIntegers(JSON.stringify(this.format(result)))}}`);
      this.known.set(result, body);
    }
    return body;
  }
}

/** The beginning of such a message. */
export const headOf = (id: string): Buffer =>
  Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`);

/** Who is told what becomes of each payload. */
export interface Listener {
  readonly pace: Pace;
  readonly tell: (result: ExecutionResult) => void;
}

export type Telling = AsyncGenerator<never, void, void>;

/**
 * Each payload executed and told, with a word to `end` when it is over: by its end, an error, or
 * who leaves it. graphql-ws, which would write each result anew for each socket, hears of the end
 * only.
 */
export function told(
  source: Stream<unknown>,
  run: (payload: unknown) => Promise<ExecutionResult>,
  { pace, tell }: Listener,
  end: () => void,
): Telling {
  let hasLeft = false;
  const over = { done: true, value: undefined } as const;
  const tellUnlessLeft = (result: ExecutionResult): void => {
    // Its id may be another's by now.
    if (!hasLeft) tell(result);
  };
  const leave = async (): Promise<void> => {
    hasLeft = true;
    end();
    await source.return?.();
  };
  return {
    async next() {
      try {
        await source.each(pace, (payload) => run(payload).then(tellUnlessLeft));
        return over;
      } finally {
        end();
      }
    },
    async return() {
      await leave();
      return over;
    },
    async throw(error: unknown) {
      await leave();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
