import { describe, expect, test } from 'vitest';
import type { OwnedView } from '../store/port.js';
import { type OwnershipInput, decideOwnership } from './ownership.js';
import { placement } from './placement.js';

const view = (given: Partial<OwnedView> = {}): OwnedView => ({
  id: 0,
  epoch: 5,
  owner: null,
  wantedBy: null,
  claimedMsAgo: 60_000,
  wantedMsAgo: null,
  gaveUp: 0,
  gaveUpMsAgo: null,
  ...given,
});
const input = (given: Partial<OwnershipInput>): OwnershipInput => ({
  self: 'a',
  steadyMs: 10_000,
  members: [{ thread: 'a', session: '1', ageMs: 0, hearsMs: 0 }],
  partitions: [view()],
  quietMs: new Map([['b', 60_000]]),
  dead: new Set(),
  held: new Map(),
  ...given,
});
const both = (ageMs: number) => [
  { thread: 'a', session: '1', ageMs: 0, hearsMs: 0 },
  { thread: 'b', session: '1', ageMs, hearsMs: 0 },
];

describe('when one may claim (§4)', () => {
  test('a released partition, at once', () => {
    expect(decideOwnership(input({}))).toEqual([{ kind: 'claim', partition: 0, expected: 5 }]);
  });

  test.each([
    [1, 1_000],
    [2, 1_000],
    [3, 5_000],
    [4, 10_000],
    [7, 60_000],
    [90, 60_000],
  ])('one that %i owners in a row gave up after %i ms', (gaveUp, restMs) => {
    const act = (gaveUpMsAgo: number) =>
      decideOwnership(input({ partitions: [view({ gaveUp, gaveUpMsAgo })] }));
    expect(act(restMs - 1)).toEqual([]);
    expect(act(restMs)).toEqual([{ kind: 'claim', partition: 0, expected: 5 }]);
  });

  test('our own by the table that is not in memory: a start with the same name', () => {
    const partitions = [view({ owner: 'a' })];
    expect(decideOwnership(input({ partitions }))[0]?.kind).toBe('claim');
  });

  test('a stale owner’s after 3 s, and only while our own touches are steady', () => {
    const partitions = [view({ owner: 'b' })];
    expect(decideOwnership(input({ partitions, members: both(2_999) }))).not.toContainEqual(
      expect.objectContaining({ kind: 'claim' }),
    );
    expect(decideOwnership(input({ partitions, members: both(3_000) }))[0]?.kind).toBe('claim');
    const shaky = input({ partitions, members: both(3_000), steadyMs: 1_499 });
    expect(decideOwnership(shaky)).toEqual([]);
  });

  test('that of an owner that has left at once, by who has just begun too', () => {
    const partitions = [view({ owner: 'b', claimedMsAgo: 0 })];
    expect(decideOwnership(input({ partitions, steadyMs: 0 }))[0]?.kind).toBe('claim');
  });

  test('only once we have looked for a while: it may have stood still with the database', () => {
    const given = { partitions: [view({ owner: 'b' })], members: both(10_000) };
    const act = (ms: number, dead = new Set<string>()) =>
      decideOwnership(input({ ...given, dead, quietMs: new Map([['b', ms]]) }))[0]?.kind;
    expect([act(999), act(1_000)]).toEqual([undefined, 'claim']);
    expect([act(499, new Set(['b'])), act(500, new Set(['b']))]).toEqual([undefined, 'claim']);
  });

  test('after its last will a second is enough', () => {
    const partitions = [view({ owner: 'b' })];
    const members = both(1_000);
    expect(decideOwnership(input({ partitions, members, dead: new Set(['b']) }))[0]?.kind).toBe(
      'claim',
    );
  });

  test('a fresh owner’s is asked for, not before 10 s of quiet, and claimed 2 s later', () => {
    const ours = Array.from({ length: 8 }, (_, id) => view({ id, owner: 'b' }));
    const target = placement(
      ['a', 'b'],
      Array.from({ length: 8 }, () => 'b'),
    );
    const mine = target?.indexOf('a') ?? -1;
    const act = (given: Partial<OwnedView>) =>
      decideOwnership(
        input({ members: both(0), partitions: ours.map((v) => ({ ...v, ...given })) }),
      ).find((action) => action.partition === mine);
    expect(act({ claimedMsAgo: 9_999 })).toBeUndefined();
    expect(act({ claimedMsAgo: 10_000 })?.kind).toBe('want');
    expect(act({ wantedBy: 'a', wantedMsAgo: 1_999 })).toBeUndefined();
    expect(act({ wantedBy: 'a', wantedMsAgo: 2_000 })?.kind).toBe('claim');
    // What was asked for at another time is asked for anew.
    expect(act({ wantedBy: 'a', wantedMsAgo: 10_001 })?.kind).toBe('want');
  });

  test('what we hold at an older epoch is dropped', () => {
    expect(decideOwnership(input({ held: new Map([[0, 4]]) }))).toEqual([
      { kind: 'drop', partition: 0 },
    ]);
  });
});

describe('who is without the broker while others have it', () => {
  const members = (a: number, b: number) => [
    { thread: 'a', session: '1', ageMs: 0, hearsMs: a },
    { thread: 'b', session: '1', ageMs: 0, hearsMs: b },
  ];
  const all = Array.from({ length: 8 }, (_, id) => view({ id, owner: 'b' }));
  /** Of what b has, and a is there too: so much is a's by placement alone. */
  const SHARE = 4;
  const asked = (a: number, b: number): number =>
    decideOwnership(input({ members: members(a, b), partitions: all })).length;

  test.each([
    ['after six seconds all it has is asked for', 3_000, -6_000, 8],
    ['not before: who hears may not have missed the broker yet', 3_000, -5_999, SHARE],
    ['by who has had the broker for three: else it has just come back', 2_999, -6_000, SHARE],
    ['when nobody has it nothing moves for that', -60_000, -60_000, SHARE],
    ['of who says nothing of it nothing is known', 0, 0, SHARE],
  ])('%s', (_, a, b, count) => {
    expect(asked(a, b)).toBe(count);
  });

  test('it lets go of what is asked for, and claims nothing that is free', () => {
    const mine = view({ id: 0, owner: 'b', wantedBy: 'a', wantedMsAgo: 0 });
    const free = Array.from({ length: 7 }, (_, i) => view({ id: i + 1 }));
    const given = { self: 'b', partitions: [mine, ...free], held: new Map([[0, 5]]) };
    expect(decideOwnership(input({ ...given, members: members(3_000, -6_000) }))).toEqual([
      { kind: 'release', partition: 0, epoch: 5, to: 'a' },
    ]);
  });

  test('nobody calls it stale: it is asked, also for what it has just claimed', () => {
    const fresh = all.map((of) => ({ ...of, claimedMsAgo: 0 }));
    const given = { members: members(3_000, -60_000), partitions: fresh };
    expect(new Set(decideOwnership(input(given)).map(({ kind }) => kind))).toEqual(
      new Set(['want']),
    );
  });
});
