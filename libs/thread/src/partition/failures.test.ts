import { expect, test } from 'vitest';
import type { PartitionMessage } from '#core';
import { Failures, type Subject, subjectOf } from './failures.js';

const run: Subject = { kind: 'run', id: 'a' };
const untils = (failures: Failures, now: number): unknown[] =>
  failures.of(1, now).map(({ subject, until, isOver }) => [subject.id, until, isOver]);

test('the third failure within a minute is the last; before, it is left alone for a while', () => {
  const failures = new Failures();
  expect(failures.add(1, run, 'no', 0)).toMatchObject({ until: 1_000, isOver: false });
  expect(failures.add(1, run, 'no', 2_000)).toMatchObject({ until: 7_000, isOver: false });
  const reason = 'it failed 3 times within a minute: no';
  expect(failures.add(1, run, 'no', 59_999)).toMatchObject({ isOver: true, reason });
});

test('what failed a minute ago counts no more, nor does another, nor another partition’s', () => {
  const failures = new Failures();
  for (const at of [0, 30_000, 60_000]) failures.add(1, run, 'no', at);
  failures.add(1, { kind: 'executor', id: 'a' }, 'no', 60_000);
  failures.add(2, run, 'no', 60_000);
  expect(untils(failures, 60_000)).toEqual([
    ['a', 65_000, false],
    ['a', 61_000, false],
  ]);
  expect(failures.of(1, 120_000)).toEqual([]);
});

test('what is settled begins anew', () => {
  const failures = new Failures();
  for (const at of [0, 1, 2]) failures.add(1, run, 'no', at);
  failures.settle(1, run);
  expect(failures.of(1, 3)).toEqual([]);
  expect(failures.add(1, run, 'no', 3).isOver).toBe(false);
});

const of = (message: object): PartitionMessage => message as PartitionMessage;
test.each([
  [{ at: of({ kind: 'tick' }), run: 'a' }, 'run', 'a'],
  [{ at: of({ kind: 'submitted', inbox: 'a' }), run: 'a' }, 'run', 'a'],
  [
    { at: of({ kind: 'silent', executor: 'x', isHeld: false, unheardMs: 0 }), run: 'a' },
    'run',
    'a',
  ],
  [{ at: null, run: 'a' }, 'run', 'a'],
  [{ at: of({ kind: 'cancel', inbox: 'i', run: 'a' }), run: 'a' }, 'row', 'i'],
  [{ at: of({ kind: 'job-changed', inbox: 'i' }), run: null }, 'row', 'i'],
  [{ at: of({ kind: 'birth', birth: { executor: 'x' } }), run: null }, 'executor', 'x'],
  [{ at: of({ kind: 'digest', executor: 'x' }), run: null }, 'executor', 'x'],
  [{ at: of({ kind: 'tick' }), run: null }, 'partition', ''],
  [{ at: of({ kind: 'park', run: 'a' }), run: 'a' }, 'partition', ''],
])('%j is the fault of a %s', (failure, kind, id) => {
  expect(subjectOf(failure)).toMatchObject({ kind, id });
});
