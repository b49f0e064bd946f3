import type { RunRow } from '#postgres';
import type { ExecutorView } from '../executor/executor.view.js';
import { recordOf } from './run.view.js';

/** More names help nobody. */
const NEAREST_MAX = 5;

export const neededBy = ({ need }: RunRow): string =>
  need.startsWith('function:') ? `the function ${need.slice(9)}` : need;

/** It has sent the run back too often, and is left out for a while (1.5). */
export function avoidedUntil(row: RunRow, executor: string, now: number): number | undefined {
  const [, until = 0] = recordOf(row).bounces?.[executor] ?? [];
  return until > now ? until : undefined;
}

/**
 * Who comes nearest to running it, and what each lacks: first those of its pool that could if they
 * were there, then those of other pools that could, then those of its pool that cannot.
 */
export function nearestOf(row: RunRow, executors: readonly ExecutorView[], now: number): string[] {
  const said = executors.flatMap((each) => {
    const found = lackOf(row, each, now);
    return found === undefined ? [] : [found];
  });
  return said
    .sort(([a], [b]) => a - b)
    .slice(0, NEAREST_MAX)
    .map(([, text]) => text);
}

type Lack = readonly [order: number, text: string];

function lackOf(row: RunRow, each: ExecutorView, now: number): Lack | undefined {
  const { id, pool, state, capabilities } = each;
  const isAble = capabilities.includes(row.need);
  if (pool !== row.pool) {
    const away = state === 'ACTIVE' ? '' : `, and it is ${state}`;
    return isAble ? [2, `${id} could run it, but is of pool ${pool}${away}.`] : undefined;
  }
  if (!isAble) {
    const offers = capabilities.length === 0 ? 'nothing' : capabilities.join(', ');
    return [3, `${id} lacks ${neededBy(row)}: it offers ${offers}.`];
  }
  if (state !== 'ACTIVE') {
    return [1, `${id} could run it, but is ${state} since ${timeOf(each.since)}.`];
  }
  const until = avoidedUntil(row, id, now);
  if (until === undefined) return undefined;
  return [0, `${id} has sent it back too often and is left out until ${timeOf(until)}.`];
}

export const timeOf = (at: number): string => new Date(at).toISOString();
