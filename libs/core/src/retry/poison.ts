import type { AttemptRecord } from '../run/run.js';

/** The code of the error of an attempt that was running when its executor's process died. */
export const EXECUTOR_DIED = 'EXECUTOR_DIED';
/** So many executors are enough. */
const EXECUTORS_MAX = 3;

/**
 * Semantics 3.7: a run that was running on three executors when their processes died takes no
 * fourth. What it did there, in words; undefined: it did not. Only the executor itself can say so,
 * when it is back: one that is merely silent may be well.
 */
export function poisonOf(attempts: readonly AttemptRecord[]): string | undefined {
  const fatal = attempts.filter(
    ({ outcome, error }) => outcome === 'LOST' && error?.code === EXECUTOR_DIED,
  );
  const executors = [...new Set(fatal.map(({ executor }) => executor))];
  if (executors.length < EXECUTORS_MAX) return undefined;
  const numbers = fatal.map(({ number }) => String(number));
  const who = `the processes of ${inWords(executors)} died while they ran it`;
  return `poison: ${who} (attempts ${inWords(numbers)})`;
}

const inWords = (items: readonly string[]): string =>
  `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`;
