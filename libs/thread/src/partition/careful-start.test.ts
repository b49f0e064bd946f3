import { beforeEach, expect, test } from 'vitest';
import { INBOX_COMMAND, type InboxRow, LIMITS, type PartitionMessage } from '#core';
import { Batch } from '../batch.js';
import { CarefulStarts } from './careful-start.js';
import { OwnedPartition } from './owned.js';

const row = (partition: number, id: string, tries = 0): InboxRow => {
  return { partition, id, kind: INBOX_COMMAND, ref: null, payload: null, tries, run: undefined };
};
const message = { kind: 'tick' } as PartitionMessage;

let batch: Batch;
let now: number;
let applied: string[];
let aside: string[];
let over: number[];
/** What applying a row does not take away at once. */
let slow: Set<string>;
let starts: CarefulStarts;
let owned: OwnedPartition[];

beforeEach(() => {
  batch = new Batch();
  now = 0;
  [applied, aside, over, slow] = [[], [], [], new Set()];
  let last = '';
  starts = new CarefulStarts({
    mono: () => now,
    isClocked: () => true,
    batchOf: ({ id, epoch }) => batch.of(id, epoch),
    isConsumed: ({ id }, { id: of }) => batch.partitions.get(id)?.consumed.includes(of) === true,
    messageOf: (_, { id }) => ((last = id), id.startsWith('nonsense') ? undefined : message),
    apply: ({ id, epoch }) => {
      applied.push(last);
      if (!slow.has(last)) batch.of(id, epoch).consumed.push(last);
    },
    setAside: () => void aside.push(last),
    over: ({ id }) => void over.push(id),
  });
  own(1);
});

/** Both partitions are loaded under this epoch, after a loss. */
function own(epoch: number): void {
  owned = [0, 1].map((partition) => {
    const loaded = { partition, epoch, seq: 0, executors: [] };
    return new OwnedPartition(loaded, 'life', 0, false, LIMITS);
  });
  for (const each of owned) starts.begin(each);
}

function sweep(...rows: readonly InboxRow[]): void {
  for (const each of owned) starts.swept(each, rows);
  starts.settled(owned);
}
/** What is written is durable: what was named in it. */
function commit(): string[] {
  const written = batch;
  batch = new Batch();
  const named = owned.flatMap((each) => {
    const of = written.partitions.get(each.id);
    if (of !== undefined) starts.committed(each, of);
    return of?.named ?? [];
  });
  starts.settled(owned);
  return named;
}

const many = (count: number): InboxRow[] =>
  Array.from({ length: count }, (_, i) => row(0, `r${String(i).padStart(3, '0')}`));

test('eight rows are named by one commit, then applied; their own commit names the next', () => {
  const rows = many(10);
  const ids = rows.map(({ id }) => id);
  sweep(...rows);
  expect([applied, commit()]).toEqual([ids.slice(0, 8), ids.slice(0, 8)]);
  expect(batch.partitions.get(0)).toMatchObject({
    consumed: ids.slice(0, 8),
    named: ids.slice(8),
  });
  commit();
  expect(applied).toEqual(ids);
  expect(owned[0]?.start).toBeUndefined();
  expect(over).toEqual([1, 0]);
});

test('an empty inbox ends it at once; until it was looked at, nothing does', () => {
  starts.settled(owned);
  expect(over).toEqual([]);
  sweep();
  expect(over).toEqual([0, 1]);
});

test('a later sweep adds nothing; more than 256 rows wait for the end', () => {
  const rows = many(300);
  sweep(...rows);
  expect(starts.toSweep(owned)).toEqual([1]);
  sweep(...rows);
  while (owned[0]?.start !== undefined) commit();
  expect(applied).toEqual(rows.slice(0, 256).map(({ id }) => id));
  expect(starts.toSweep(owned)).toEqual([0, 1]);
});

test('what was in hand at a loss goes singly, beside what another partition has in hand', () => {
  sweep(row(0, 'a', 1), row(0, 'b', 1), row(0, 'c'), row(0, 'd'), row(1, 'x'), row(1, 'y', 1));
  expect(commit()).toEqual(['a', 'x']);
  expect(commit()).toEqual(['b', 'y']);
  expect(commit()).toEqual(['c', 'd']);
  expect(applied).toEqual(['a', 'x', 'b', 'y', 'c', 'd']);
});

test('what was in hand at two is quite alone', () => {
  sweep(row(0, 'a'), row(0, 'b', 2), row(1, 'x'), row(1, 'y', 1), row(1, 'z', 3));
  expect(commit()).toEqual(['a', 'x']);
  // Both are applied: the suspect is next, and whoever could go beside it waits.
  expect(commit()).toEqual(['b']);
  expect(applied).toEqual(['a', 'x', 'b']);
  expect(commit()).toEqual(['y']);
  expect(commit()).toEqual(['z']);
  expect(applied).toEqual(['a', 'x', 'b', 'y', 'z']);
});

test('at four it is set aside, and never applied', () => {
  sweep(row(0, 'a', 4), row(0, 'b', 3));
  expect(aside).toEqual(['a']);
  expect(commit()).toEqual(['b']);
  expect(applied).toEqual(['b']);
});

test('what makes no sense, or waits for something, does not hold up the rest', () => {
  slow.add('b');
  sweep(row(0, 'nonsense'), row(0, 'b'), row(0, 'c'), row(0, 'd', 1));
  commit();
  commit();
  expect(applied).toEqual(['b', 'c']);
  now = 5_001;
  starts.settled(owned);
  commit();
  expect(applied).toEqual(['b', 'c', 'd']);
});

test('what is applied in a later step is done when that is committed', () => {
  slow.add('a');
  sweep(row(0, 'a'), row(0, 'b', 1));
  commit();
  starts.settled(owned);
  expect(batch.isEmpty).toBe(true);
  batch.of(0, 1).consumed.push('a');
  commit();
  expect(commit()).toEqual(['b']);
});

test('a reload of our own is no loss: what we have named already is not named again', () => {
  sweep(row(0, 'a'));
  commit();
  own(2);
  sweep(row(0, 'a', 1), row(0, 'b'));
  expect(commit()).toEqual(['b']);
  expect(applied).toEqual(['a', 'a', 'b']);
});

test('what we were about to name when our memory was dropped is not named yet', () => {
  sweep(row(0, 'a'), row(0, 'b', 1));
  batch = new Batch();
  own(2);
  sweep(row(0, 'a'), row(0, 'b', 1));
  expect(commit()).toEqual(['a']);
  expect(commit()).toEqual(['b']);
});

test('but what another owner had in hand since counts against it', () => {
  sweep(row(0, 'a'));
  commit();
  // Epoch 2 was another's, and it was lost while this row was in hand for the fourth time.
  own(3);
  sweep(row(0, 'a', 4));
  expect(aside).toEqual(['a']);
});
