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
  /** How long it takes until the nth touch is answered, and how old it says that t2 is. */
  readonly touchMs: (n: number) => Millis;
  readonly ageMs: (n: number) => Millis;
  readonly loadMs: Millis;
}

/** Thread t1, beside t2, which owns everything. */
function start({ partitions, touchMs, ageMs, loadMs }: Pace): Membership {
  const rows: OwnedView[] = Array.from({ length: partitions }, (_, id) => {
    return { id, epoch: 1, owner: 't2', claimedMsAgo: 60_000, ...unwanted };
  });
  let touches = 0;
  const view = (n: number): ClusterView => {
    const [me, other] = [
      { thread: 't1', session: 's', ageMs: 0, hearsMs: 0 },
      { thread: 't2', session: 's', ageMs: ageMs(n), hearsMs: 0 },
    ];
    return { at: now, nodes: [me, other], partitions: rows };
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
      for (const { partition, expected } of claims) {
        claimed.push(partition);
        rows[partition] = { ...(rows[partition] as OwnedView), epoch: expected + 1, owner: thread };
      }
      reply(new Map(claims.map(({ partition, expected }) => [partition, expected + 1])));
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

test('when the database stood still, a late answer says nothing of who is stale', () => {
  const STALL_MS = 4_000;
  const stall = (n: number): boolean => n === 8;
  start({
    partitions: 8,
    touchMs: (n) => (stall(n) ? STALL_MS : 2),
    // Its own touch stood still as long as ours.
    ageMs: (n) => (stall(n) ? STALL_MS + 300 : 100),
    loadMs: 0,
  });
  passUntil(12_000);
  expect(claimed).toEqual([]);
});

test('who is stale for longer than that is: once we have heard of it without a gap', () => {
  start({
    partitions: 8,
    touchMs: (n) => (n === 8 ? 4_000 : 2),
    ageMs: (n) => (n < 8 ? 100 : 10_000),
    loadMs: 0,
  });
  passUntil(9_400);
  expect(claimed).toEqual([]);
  passUntil(10_100);
  expect(claimed).toHaveLength(8);
});

test('a takeover, however long, leaves no gap in our own touches', () => {
  start({ partitions: 64, touchMs: () => 2, ageMs: () => 10_000, loadMs: 450 });
  passUntil(9_000);
  expect(claimed).toHaveLength(64);
  const gaps = touched.slice(1).map((at, i) => at - (touched[i] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(1_500);
});

test('what our own next claim has fenced is nobody else’s', () => {
  const membership = start({ partitions: 8, touchMs: () => 2, ageMs: () => 10_000, loadMs: 5 });
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
