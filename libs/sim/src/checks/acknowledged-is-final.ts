import { RUN_STATES, nameOf, isFinal } from '#core';
import type { Evidence } from './index.js';

/** What was acknowledged is never lost, and ends; what was not sent does not exist. */
export function acknowledgedIsFinal({ world, server, gateway }: Evidence): void {
  const { history, partitions } = server.tables;
  for (const run of gateway.acknowledged.keys()) {
    const found = history.get(run);
    if (found !== undefined && isFinal(nameOf(RUN_STATES, found.state))) continue;
    const live = partitions.flatMap((table) => table.live.get(run) ?? [])[0];
    const open = partitions.flatMap((table) => table.open.get(run) ?? [])[0];
    const how =
      live === undefined
        ? 'is nowhere'
        : `is ${nameOf(RUN_STATES, open?.state ?? live.state)}, taken: ${live.taken}`;
    world.violate('acknowledged-is-final', `run ${run} ${how}: ${live?.record ?? ''}`);
  }
  for (const run of history.keys()) {
    if (!gateway.sent.has(run)) world.violate('nothing-from-nowhere', `run ${run}`);
  }
}
