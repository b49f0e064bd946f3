import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

const rigOf = (window = 4): Rig => new Rig({ limits: { window, windowLow: 1 } });

function submitAll(rig: Rig, ids: readonly string[]): void {
  for (const id of ids) {
    rig.now++;
    rig.submit(id);
  }
  rig.commit();
}

/** Rounds of pages until each row was compared at least once. */
function auditAll(rig: Rig): void {
  for (let i = 0; i < 12; i++) {
    rig.step({ kind: 'audit' });
    rig.commit();
  }
}

const found = (rig: Rig): string[] =>
  rig.sentOf('unexplained').map(({ run, what }) => `${run}: ${what}`);
const laneOf = (rig: Rig, run: string) => {
  const cell = rig.cell(run);
  const lane = rig.state.lanes.get(cell.lane ?? '');
  if (lane === undefined) throw new Error(`${run} stands in no lane`);
  return { cell, lane };
};

describe('what memory explains is left alone', () => {
  test('in line and behind it, granted, running, due later, held by a person', () => {
    const rig = rigOf();
    submitAll(rig, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']);
    rig.submit('later', { due: rig.now + 60_000 });
    rig.command('p', 'c', { kind: 'pause' });
    rig.match('a');
    rig.commit();
    auditAll(rig);
    expect(found(rig)).toEqual([]);
  });

  test('one page is read at a time', () => {
    const rig = new Rig({ lazyReads: true });
    submitAll(rig, ['a']);
    const before = rig.state.lastRead;
    for (let i = 0; i < 3; i++) rig.step({ kind: 'audit' });
    rig.commit();
    expect(rig.state.lastRead).toBe(before + 1);
  });
});

describe('what nothing here would move is told, and put right', () => {
  test('a run that has dropped out of its line', () => {
    const rig = rigOf();
    submitAll(rig, ['a', 'b', 'c']);
    const { cell, lane } = laneOf(rig, 'b');
    lane.window.remove({ id: 'b', rank: cell.rank });
    rig.state.cells.delete('b');
    auditAll(rig);
    expect(found(rig)).toEqual(['b: it is not where it should stand in its line']);
    rig.match('b');
    rig.commit();
    expect(rig.types('b').at(-1)).toBe('GRANTED');
  });

  test('a line that was forgotten', () => {
    const rig = rigOf();
    submitAll(rig, ['a']);
    rig.state.lanes.delete(laneOf(rig, 'a').cell.lane ?? '');
    rig.state.cells.delete('a');
    auditAll(rig);
    expect(found(rig)).toEqual(['a: its line is not in memory']);
    rig.match('a');
    rig.commit();
    expect(rig.types('a').at(-1)).toBe('GRANTED');
  });

  test('a run in memory that stands in no line', () => {
    const rig = rigOf();
    submitAll(rig, ['a', 'b']);
    const { cell, lane } = laneOf(rig, 'b');
    lane.window.remove({ id: 'b', rank: cell.rank });
    auditAll(rig);
    expect(found(rig)).toEqual(['b: it is in memory, and stands in no line']);
    expect(lane.window.has({ id: 'b', rank: cell.rank })).toBe(true);
  });

  test('a run that was never taken in, and no inbox row says so', () => {
    const rig = rigOf();
    submitAll(rig, ['a']);
    const { cell, lane } = laneOf(rig, 'a');
    lane.window.remove({ id: 'a', rank: cell.rank });
    rig.state.cells.delete('a');
    const row = { id: 'a', lane: cell.lane ?? '', rank: cell.rank, isOpen: false };
    const page = { kind: 'lanes-read', read: 99, complete: true } as const;
    rig.step({ ...page, rows: [{ ...row, taken: false, isInInbox: true }] });
    expect(found(rig)).toEqual([]);
    rig.step({ ...page, rows: [{ ...row, taken: false, isInInbox: false }] });
    rig.commit();
    expect(found(rig)).toEqual(['a: it was never taken in']);
    expect(rig.sentOf('fetch').map(({ run }) => run)).toEqual(['a']);
  });

  test('an open attempt that is not in memory: the partition is loaded anew', () => {
    const rig = rigOf();
    submitAll(rig, ['a']);
    const { cell } = laneOf(rig, 'a');
    const row = { id: 'gone', lane: cell.lane ?? '', rank: 1, taken: true, isInInbox: false };
    rig.step({ kind: 'lanes-read', read: 99, rows: [{ ...row, isOpen: true }], complete: true });
    rig.commit();
    expect(rig.sentOf('unexplained')).toEqual([
      expect.objectContaining({ run: 'gone', reload: true }),
    ]);
  });
});

test('lanes beyond those that a load brings come in, and are no defect', () => {
  const rig = new Rig({ limits: { lanes: 1 } });
  submitAll(rig, ['a']);
  rig.submit('b', { pool: 'other' });
  rig.commit();
  const { cell } = laneOf(rig, 'b');
  rig.state.lanes.delete(cell.lane ?? '');
  rig.state.cells.delete('b');
  rig.state.lanesLeft = true;
  auditAll(rig);
  expect(found(rig)).toEqual([]);
  expect(rig.state.cells.has('b')).toBe(true);
  // The round is over: from now on nothing may be missing.
  expect(rig.state.lanesLeft).toBe(false);
});
