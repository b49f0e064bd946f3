import {
  EMPTY,
  type Observable,
  type SchedulerLike,
  auditTime,
  catchError,
  defer,
  exhaustMap,
  interval,
  merge,
} from 'rxjs';
import type { Journal } from './journal.js';

/** With the grace, a look at the heads and a read: a lost last segment is there within 2 s. */
export const FEED = {
  headsMs: 1_000,
  /** The database knows a head before the wire has brought its segment: it is given this long. */
  headGraceMs: 250,
  /** What is committed before broker and threads know of a new follower is looked for soon. */
  settleMs: 100,
  /** Partitions that are followed within this time are asked for in one message. */
  wantAuditMs: 5,
} as const;

export type Heads = Awaited<ReturnType<Journal['heads']>>;

/** The heads each second, for a new follower at once and once more; one question at a time. */
export function readHeads$(
  read: () => Promise<Heads>,
  failed: (error: unknown) => void,
  newlyFollowed$: Observable<void>,
  scheduler: SchedulerLike,
): Observable<Heads> {
  const read$ = defer(read).pipe(
    catchError((error: unknown) => {
      failed(error);
      return EMPTY;
    }),
  );
  const settled$ = newlyFollowed$.pipe(auditTime(FEED.settleMs, scheduler));
  return merge(newlyFollowed$, settled$, interval(FEED.headsMs, scheduler)).pipe(
    exhaustMap(() => read$),
  );
}
