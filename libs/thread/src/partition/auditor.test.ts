import { expect, test } from 'vitest';
import { LIMITS } from '#core';
import { Auditor } from './auditor.js';
import { OwnedPartition } from './owned.js';

const owned = (partition: number, claimedAt = 0): OwnedPartition =>
  new OwnedPartition(
    { partition, epoch: 1, seq: 0, executors: [] },
    'life',
    claimedAt,
    false,
    LIMITS,
  );
const all = (...ids: number[]): Map<number, OwnedPartition> =>
  new Map(ids.map((id) => [id, owned(id)]));

function rig(mono = 0) {
  const reloaded: number[] = [];
  const told: string[] = [];
  const host = { mono: () => mono, reload: (id: number) => void reloaded.push(id) };
  const auditor = new Auditor(host, { error: (text) => void told.push(text) });
  return { auditor, reloaded, told };
}
const FOUND = { kind: 'unexplained', run: 'r', what: 'it is lost' } as const;

test('one partition after the other by number, also when some come and go', () => {
  const { auditor } = rig();
  const turns = [all(7, 3, 5), all(7, 3, 5), all(7, 3, 5), all(7, 3, 5), all(7, 4), all(4), all()];
  expect(turns.map((of) => auditor.next(of)?.id)).toEqual([3, 5, 7, 3, 4, 4, undefined]);
});

test('what is put right in its line reloads nothing, and is told and counted', () => {
  const { auditor, reloaded, told } = rig(600_000);
  auditor.found(owned(1), { ...FOUND, reload: false });
  expect([reloaded, told.length, auditor.counts.unexplained]).toEqual([[], 1, 1]);
});

test('a partition is loaded anew, and not again within a minute: it did not help', () => {
  const { auditor, reloaded, told } = rig(600_000);
  auditor.found(owned(1, 540_001), { ...FOUND, reload: true });
  expect(reloaded).toEqual([]);
  auditor.found(owned(1, 540_000), { ...FOUND, reload: true });
  expect(reloaded).toEqual([1]);
  expect(told).toHaveLength(2);
});
