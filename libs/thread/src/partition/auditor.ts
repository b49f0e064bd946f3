import type { Effect } from '#core';
import type { Logger } from '#telemetry';
import type { OwnedPartition } from './owned.js';

/** A load that did not help is not repeated at once. */
const RELOAD_AFTER_MS = 60_000;

export interface AuditorHost {
  mono(): number;
  /**
   * The partition's memory is void: it is let go of, and the next look claims it anew. Not at once:
   * what is found is an effect, and others of its batch are yet to leave.
   */
  reload(partition: number, why: string): void;
}

/** Whose turn it is to be compared with its rows, and what becomes of what is found. */
export class Auditor {
  readonly counts = { unexplained: 0 };
  private last = -1;

  constructor(
    private readonly host: AuditorHost,
    private readonly log: Pick<Logger, 'error'>,
  ) {}

  /** One partition after the other, by number. */
  next(owned: ReadonlyMap<number, OwnedPartition>): OwnedPartition | undefined {
    let first: OwnedPartition | undefined;
    let next: OwnedPartition | undefined;
    for (const each of owned.values()) {
      if (first === undefined || each.id < first.id) first = each;
      if (each.id > this.last && (next === undefined || each.id < next.id)) next = each;
    }
    const found = next ?? first;
    this.last = found?.id ?? -1;
    return found;
  }

  found(owned: OwnedPartition, { run, what, reload }: Extract<Effect, { kind: 'unexplained' }>) {
    this.counts.unexplained++;
    this.log.error('the self-audit met a run that nothing would move: a defect of Orrery', {
      partition: owned.id,
      epoch: owned.epoch,
      run,
      what,
      mended: reload ? 'the partition is loaded anew' : 'its line is read anew',
    });
    const isFresh = this.host.mono() - owned.claimedAt < RELOAD_AFTER_MS;
    if (reload && !isFresh) this.host.reload(owned.id, 'self-audit');
  }
}
