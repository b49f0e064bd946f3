import type { Millis } from '#core';
import type { Beat, Death, ExecutorBirth } from '#protocol';
import type { SchedulerNode } from '../nodes/scheduler.js';

/** Of an executor as one thread heard it. */
interface Seen {
  readonly session: string;
  heardAt: Millis;
  /** When its last will came, if it was heard shortly before and nobody near it since. */
  diedAt: Millis | undefined;
}
interface View {
  readonly since: Millis | undefined;
  readonly seen: Map<string, Seen>;
}

/** Half of what counts as together, and a little less: a thread sees it some time later. */
const NEAR_MS = 4_000;
/** Of those that fell silent so near to one another one that is heard speaks for all. */
const TOGETHER_MS = 12_000;
const SLACK_MS = 1_000;

/**
 * Whose last wills a thread heard at about one time (3.2). Who fell silent without any is left out:
 * when that was is the thread's own opinion.
 */
export class Together {
  private readonly views = new Map<SchedulerNode, View>();

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
    if ('state' in word && word.state === 'death') {
      if (known === undefined || known.session !== word.session) return;
      if (known.diedAt !== undefined) return;
      // So long without a word it may have been silent before.
      if (now - known.heardAt < this.silentAfterMs - SLACK_MS) known.diedAt = now;
      else seen.delete(executor);
      return;
    }
    if (known?.diedAt !== undefined) isBack(seen, known.diedAt);
    const { session } = word;
    if ('state' in word) {
      // Without its number, or about to go, it counts for nobody.
      if (word.incarnation === null || word.draining) seen.delete(executor);
      else seen.set(executor, { session, heardAt: now, diedAt: undefined });
    } else if (known?.session === session) known.heardAt = now;
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
    const known = this.views.get(node);
    if (known !== undefined && known.since === node.linkedSince) return known.seen;
    const seen = new Map<string, Seen>();
    this.views.set(node, { since: node.linkedSince, seen });
    return seen;
  }
}

/** One of those that died with others is heard: what becomes of the others is not judged. */
function isBack(seen: Map<string, Seen>, at: Millis): void {
  for (const [executor, { diedAt }] of seen) {
    if (diedAt !== undefined && Math.abs(diedAt - at) <= TOGETHER_MS) seen.delete(executor);
  }
}
