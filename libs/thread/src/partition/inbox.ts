import {
  INBOX_COMMAND,
  INBOX_EXECUTOR,
  INBOX_JOB,
  INBOX_SUBMIT,
  type InboxRow,
  type Millis,
  type PartitionMessage,
  type Store,
} from '#core';
import type { Logger } from '#telemetry';
import { cellOfHint, closeOf, commandOf } from './hint.js';
import { NUDGE_ONLY_MS, type OwnedPartition } from './owned.js';

/** From what stands in the inbox, or a hint of it, to what the partition is told. */
export class Inbox {
  constructor(
    private readonly store: Pick<Store, 'specification'>,
    private readonly mono: () => Millis,
    private readonly log: Logger,
  ) {}

  /** A submission that the gateway has just written. */
  hint(owned: OwnedPartition, row: string): PartitionMessage | 'sweep' {
    if (this.mono() - owned.claimedAt < NUDGE_ONLY_MS) return 'sweep';
    const cell = cellOfHint(row, this.store);
    // Unknown specification, nonsense, or another's: the inbox has the truth.
    if (cell === undefined || cell.facts.partition !== owned.id) return 'sweep';
    return { kind: 'submitted', inbox: cell.facts.id, cell };
  }

  swept(owned: OwnedPartition, row: InboxRow): PartitionMessage | undefined {
    if (owned.state.applied.has(row.id)) return undefined;
    if (row.kind === INBOX_SUBMIT && row.run !== undefined && !row.run.taken) {
      return { kind: 'submitted', inbox: row.id, cell: row.run.cell };
    }
    if (row.kind === INBOX_JOB && row.ref !== null) {
      return { kind: 'job-changed', inbox: row.id, job: row.ref };
    }
    if (row.kind !== INBOX_COMMAND && row.kind !== INBOX_EXECUTOR) return undefined;
    const command = row.kind === INBOX_COMMAND ? commandOf(row) : closeOf(row);
    if (command === undefined) this.log.error('an inbox row makes no sense', { row: row.id });
    return command;
  }
}
