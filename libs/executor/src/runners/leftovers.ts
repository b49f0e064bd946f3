import { setTimeout as delay } from 'node:timers/promises';
import type { LedgerState } from '#core';
import { isAlive } from '#process';
import { type Mark, killMarked } from './processes.js';

const DEATH_BOUND_MS = 2_000;
const POLL_MS = 10;

/**
 * What a former process of this executor had started and left behind is killed before it is
 * reported LOST: its successor must not run beside it.
 */
export async function endLeftovers(executor: string, ledger: LedgerState): Promise<number> {
  const marks: Mark[] = [];
  for (const partition of ledger.partitions.values()) {
    for (const { phase, token } of partition.entries.values()) {
      if (phase === 'started') marks.push({ run: token.run, attempt: token.attempt });
    }
  }
  const killed = killMarked(executor, marks);
  const deadline = performance.now() + DEATH_BOUND_MS;
  while (killed.some(isAlive) && performance.now() < deadline) await delay(POLL_MS);
  return killed.length;
}
