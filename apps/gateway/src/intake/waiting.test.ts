import { expect, test } from 'vitest';
import type { IntakeItem } from './item.js';
import { PIECE_ROWS, Waiter, WaitingGroup, WaitingRows } from './waiting.js';

const MIB = 1_048_576;
const quiet = (): void => undefined;

function waiters(count: number, params: string): Waiter[] {
  const group = new WaitingGroup(count, quiet);
  const item = { run: { id: 'r', params } } as unknown as IntakeItem;
  return Array.from({ length: count }, (_, i) => new Waiter(item, 1_000, group, i));
}

test('a single submission finds room beside a large request, however large its rows', () => {
  const rows = new WaitingRows();
  const bulk = waiters(1_000, 'x'.repeat(MIB / 5));
  rows.add(bulk);
  const [single] = waiters(1, 'small');
  if (single === undefined) throw new Error('none was made');
  rows.add([single]);
  const taken = rows.take(0);
  expect(taken).toContain(single);
  expect(taken.length).toBeGreaterThan(1);
  // Alone, the large request has all of the room.
  expect(rows.take(0).length).toBeGreaterThan(taken.length);
});

test('of a large request so many rows go in one commit, and the others stay in order', () => {
  const rows = new WaitingRows();
  const bulk = waiters(PIECE_ROWS + 10, 'small');
  rows.add(bulk);
  expect(rows.take(0)).toEqual(bulk.slice(0, PIECE_ROWS));
  expect(rows.size).toBe(10);
  expect(rows.take(2_000)).toEqual([]);
  expect(bulk.at(-1)?.isSettled).toBe(true);
});
