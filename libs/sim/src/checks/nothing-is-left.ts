import type { Evidence } from './index.js';

/** Nothing of what has ended stays: rows, cells, the executor's outbox. */
export function nothingIsLeft({ world, server, schedulers, executors }: Evidence): void {
  const violate = (what: string): void => world.violate('nothing-is-left', what);
  for (const table of server.tables.partitions) {
    if (table.open.size > 0) violate(`partition ${table.id}: ${table.open.size} open attempts`);
    if (table.inbox.size > 0) {
      violate(`partition ${table.id}: ${JSON.stringify([...table.inbox.values()])}`);
    }
  }
  for (const { thread, host } of schedulers) {
    const cells = host?.status().cells ?? 0;
    if (cells > 0) violate(`${thread} holds ${cells} cells`);
  }
  for (const executor of executors) {
    if (!executor.isIdle) violate(`${executor.id} runs or owes something`);
  }
}
