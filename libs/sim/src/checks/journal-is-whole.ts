import { type RunState, isFinal, mayFollow } from '#core';
import { decodeSegment } from '#protocol';
import type { PartitionTable } from '../store/tables.js';
import type { Evidence } from './index.js';

/** Of each partition: no gap, no repeat, epochs that only rise, and of each run legal edges. */
export function journalIsWhole({ world, server }: Evidence): void {
  for (const table of server.tables.partitions) {
    const wrong = whatIsWrong(table);
    if (wrong !== undefined) world.violate('journal-is-whole', wrong);
  }
}

function whatIsWrong({ id, journal, seq }: PartitionTable): string | undefined {
  const states = new Map<string, RunState | null>();
  let next = 1;
  let epoch = 0;
  for (const segment of journal) {
    if (segment.seq !== next) return `partition ${id} has ${segment.seq} where ${next} belongs`;
    if (segment.epoch < epoch) return `partition ${id}: epoch ${segment.epoch} after ${epoch}`;
    epoch = segment.epoch;
    const events = decodeSegment(segment.events, segment.seq);
    if (events.length !== segment.n) return `partition ${id}: ${segment.seq} is not whole`;
    for (const event of events) {
      next++;
      const was = states.get(event.run) ?? null;
      const { from, to, type, run } = event;
      if (to === null) continue;
      if (was !== null && isFinal(was)) return `run ${run} was ${was}, then ${type} to ${to}`;
      if (from !== was) return `run ${run} was ${was}, and ${type} says from ${from} to ${to}`;
      if (from !== null && from !== to && !mayFollow(from, to)) {
        return `run ${run} went from ${from} to ${to}`;
      }
      states.set(run, to);
    }
  }
  return next === seq + 1 ? undefined : `partition ${id} ends at ${next - 1}, its head is ${seq}`;
}
