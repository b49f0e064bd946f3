import type { Millis } from '#core';
import type { Beat, Death, ExecutorBirth } from '#protocol';
import type { SchedulerNode } from '../nodes/scheduler.js';

/** Of an executor as one thread heard it. */
interface Seen {
  session: string;
  heardAt: Millis;
  /** When its last will came, if it was heard shortly before and not since. */
  diedAt: Millis | undefined;
}

/** Half of what counts as together, and a little less: a thread sees it some time later. */
const NEAR_MS = 4_000;
const SLACK_MS = 1_000;

/**
 * Whose last wills a thread heard at about one time (3.2). Who fell silent without any is left out:
 * when that was is the thread's own opinion.
 */
export class Together {
  private readonly of = new Map<SchedulerNode, { since?: Millis; seen: Map<string, Seen> }>();

  constructor(
    private readonly silentAfterMs: Millis,
    /** All of the one pool. */
    private readonly executors: number,
  ) {}

  heard(
    node: SchedulerNode,
    executor: string,
    word: Beat | Death | ExecutorBirth,
    now: Millis,
  ): void {
    const seen = this.seenBy(node);
    const known = seen.get(executor);
    const isDeath = 'state' in word && word.state === 'death';
    if (!isDeath) {
      seen.set(executor, { session: word.session, heardAt: now, diedAt: undefined });
    } else if (known?.session === word.session && known.diedAt === undefined) {
      // So long without a word it may have been silent before.
      if (now - known.heardAt < this.silentAfterMs - SLACK_MS) known.diedAt = now;
      else seen.delete(executor);
    }
  }

  /** When it died with over a third of all; undefined: it did not, as far as the thread knows. */
  diedAt(node: SchedulerNode, executor: string): Millis | undefined {
    const seen = this.seenBy(node);
    const at = seen.get(executor)?.diedAt;
    if (at === undefined) return undefined;
    let count = 0;
    for (const { diedAt = Number.NEGATIVE_INFINITY } of seen.values()) {
      if (Math.abs(diedAt - at) <= NEAR_MS) count++;
    }
    return count >= 2 && 3 * count > this.executors ? at : undefined;
  }

  /** After its link was down a thread knows of nobody. */
  private seenBy(node: SchedulerNode): Map<string, Seen> {
    const known = this.of.get(node);
    if (known !== undefined && known.since === node.linkedSince) return known.seen;
    const seen = new Map<string, Seen>();
    this.of.set(node, {
      ...(node.linkedSince === undefined ? {} : { since: node.linkedSince }),
      seen,
    });
    return seen;
  }
}
