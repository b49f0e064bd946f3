import { beforeEach, expect, test } from 'vitest';
import type { ClusterView, Millis, OwnedView, StoreControl } from '#core';
import { Membership } from './membership.js';

const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const unwanted = { wantedBy: null, wantedMsAgo: null, gaveUp: 0, gaveUpMsAgo: null };

let now: Millis;
let due: { readonly at: Millis; readonly run: () => void }[];
/** When each touch was answered, and what was claimed. */
let touched: Millis[];
let claimed: number[];
let held: Map<number, number>;

beforeEach(() => {
  now = 0;
  [due, touched, claimed, held] = [[], [], [], new Map()];
});

function after(delayMs: Millis, run: () => void): () => void {
  const entry = { at: now + delayMs, run };
  due.push(entry);
  return () => {
    due = due.filter((each) => each !== entry);
  };
}

function passUntil(end: Millis): void {
  for (;;) {
    const [next] = due.sort((a, b) => a.at - b.at);
    if (next === undefined || next.at > end) break;
    due.shift();
    now = next.at;
    next.run();
  }
  now = end;
}

interface Pace {
  readonly partitions: number;
  /** How long it takes until the nth touch is answered. */
  readonly touchMs: (n: number) => Millis;
  /** When t2 has said last that it is there, as the nth touch finds it. */
  readonly seenAt: (n: number) => Millis;
  readonly loadMs: Millis;
  /** Of those below somebody holds the lock: that costs a claim half a second. */
  readonly lockedTo?: number;
}

/** Thread t1, beside t2, which owns everything. */
function start({ partitions, touchMs, seenAt, loadMs, lockedTo = 0 }: Pace): Membership {
  const rows: OwnedView[] = Array.from({ length: partitions }, (_, id) => {
    return { id, epoch: 1, owner: 't2', claimedMsAgo: 60_000, ...unwanted };
  });
  let touches = 0;
  const view = (n: number): ClusterView => {
    const [me, other] = [
      { thread: 't1', session: 's', ageMs: 0, hearsMs: 0 },
      { thread: 't2', session: 's', ageMs: now - seenAt(n), hearsMs: 0 },
    ];
    return { at: now, closed: [], nodes: [me, other], partitions: rows };
  };
  const store: Pick<StoreControl, 'touch' | 'claim' | 'load' | 'want' | 'fenced'> = {
    touch: (_, reply) => {
      const n = touches++;
      after(touchMs(n), () => {
        touched.push(now);
        reply(view(n));
      });
    },
    claim: ({ claims, thread }, reply) => {
      const epochs = new Map<number, number | null>();
      for (const { partition, expected } of claims) {
        const epoch = partition < lockedTo ? null : expected + 1;
        epochs.set(partition, epoch);
        if (epoch === null) continue;
        claimed.push(partition);
        rows[partition] = { ...(rows[partition] as OwnedView), epoch, owner: thread };
      }
      if (claims.some(({ partition }) => partition < lockedTo)) after(501, () => reply(epochs));
      else reply(epochs);
    },
    load: ({ partitions: of }, reply) => {
      const empty = { seq: 0, cells: [], holds: new Map(), executors: [] };
      after(loadMs, () => reply(new Map(of.map(({ partition }) => [partition, empty]))));
    },
    want: (_, __, reply) => reply(undefined),
    fenced: (_, __, reply) => reply(undefined),
  };
  const membership: Membership = new Membership(
    store as StoreControl,
    {
      node: { thread: 't1', session: 's', scheduler: 'x' },
      window: 8,
      stats: () => ({ commits: 0, commitP50Ms: null, commitP99Ms: null, hearsMs: 0 }),
      held: () => held,
      dead: () => new Set(),
      tell: (news) => {
        if (news.kind !== 'loaded') return;
        held.set(news.loaded.partition, news.loaded.epoch);
        membership.adopted(news.loaded.partition);
      },
      mono: () => now,
      after,
      left: quiet,
    },
    log,
  );
  membership.start();
  return membership;
}

const DEAD_SINCE = -10_000;
const STALL_MS = 4_000;
/** The ninth touch stands still with the database; all others are answered at once. */
const stalled = (n: number): Millis => (n === 8 ? STALL_MS : 2);

test('when the database stood still, a late answer says nothing of who is stale', () => {
  // Its own touch stood still as long as ours, and is served a little later.
  const seenAt = (n: number): Millis => (n === 8 ? now - STALL_MS - 300 : now - 100);
  start({ partitions: 8, touchMs: stalled, seenAt, loadMs: 0 });
  passUntil(12_000);
  expect(claimed).toEqual([]);
});

test('also when it had not come to its touch for a while before', () => {
  start({
    partitions: 8,
    touchMs: stalled,
    seenAt: (n) => (n === 7 || n === 8 ? 3_000 : now - 100),
    loadMs: 0,
  });
  passUntil(12_000);
  expect(claimed).toEqual([]);
});

test('who says nothing after that either is stale', () => {
  start({ partitions: 8, touchMs: stalled, seenAt: () => Math.min(now, 3_900), loadMs: 0 });
  passUntil(8_100);
  expect(claimed).toEqual([]);
  passUntil(10_000);
  expect(claimed).toHaveLength(8);
});

test('however slow the database is, who has died is followed', () => {
  start({ partitions: 8, touchMs: () => 1_600, seenAt: () => DEAD_SINCE, loadMs: 0 });
  passUntil(15_000);
  expect(claimed).toHaveLength(8);
});

test.each([450, 3_000])('a takeover in groups of %i ms leaves no gap in our touches', (loadMs) => {
  start({ partitions: 64, touchMs: () => 2, seenAt: () => DEAD_SINCE, loadMs });
  passUntil(30_000);
  expect(claimed).toHaveLength(64);
  const gaps = touched.slice(1).map((at, i) => at - (touched[i] ?? 0));
  // Half a second of it, and the group that it fell into.
  expect(Math.max(...gaps)).toBeLessThan(1_000 + loadMs);
});

test('what somebody holds a lock on keeps nobody from the rest', () => {
  const pace = { touchMs: () => 2, seenAt: () => DEAD_SINCE, loadMs: 5 };
  // By id they are the first.
  start({ ...pace, partitions: 64, lockedTo: 16 });
  passUntil(10_000);
  expect(new Set(claimed).size).toBe(48);
});

test('what our own next claim has fenced is nobody else’s', () => {
  const membership = start({
    partitions: 8,
    touchMs: () => 2,
    seenAt: () => DEAD_SINCE,
    loadMs: 5,
  });
  passUntil(3_000);
  expect(held.get(5)).toBe(2);
  const fence = { epoch: 2, events: 1, granted: 0, finished: 0 };
  held.delete(5);
  membership.reclaim(5, false);
  membership.fenced({ ...fence, partition: 5 });
  passUntil(4_000);
  expect(held.get(5)).toBe(3);
  membership.fenced({ ...fence, partition: 5 });
  expect(membership.fences.count).toBe(0);
  membership.fenced({ ...fence, partition: 6 });
  expect(membership.fences.count).toBe(1);
});
