import { policyOf } from '../workload.js';
import type { Evidence } from './index.js';

/** AT_MOST_ONCE (2.2): however it is lost, a run starts once. */
export function atMostOnce({ world, gateway, watcher }: Evidence): void {
  const starts = new Map<string, number>();
  for (const { token } of watcher.jobs.values()) {
    starts.set(token.run, (starts.get(token.run) ?? 0) + 1);
  }
  for (const [run, { spec }] of gateway.acknowledged) {
    const count = starts.get(run) ?? 0;
    if (policyOf(spec).atMostOnce === true && count > 1) {
      world.violate('at-most-once', `run ${run} started ${count} times`);
    }
    const most = policyOf(spec).retry.maxAttempts;
    if (policyOf(spec).freeLoss !== true && count > most) {
      world.violate('attempts-are-bounded', `run ${run} started ${count} times of ${most}`);
    }
  }
}
