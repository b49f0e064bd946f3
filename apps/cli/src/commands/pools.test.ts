import { expect, test } from 'vitest';
import { pools } from './pools.js';
import { play } from './testkit/play.js';

const found = [
  { name: 'default', slots: 10, busy: 3, waiting: 0, oldestWaiting: null },
  { name: 'gpu', slots: 0, busy: 0, waiting: 12, oldestWaiting: '1m30s' },
];

test('pools ls prints a line each, with what waits', async () => {
  const { out } = await play(pools, 'pools ls', {}, { pools: found }, { format: 'table' });
  const lines = out.trimEnd().split('\n');
  expect(lines.map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
    ['NAME', 'SLOTS', 'BUSY', 'WAITING', 'OLDEST'],
    ['default', '10', '3', '0', '-'],
    ['gpu', '0', '0', '12', '1m30s'],
  ]);
});

test('pools ls --output json prints what was answered', async () => {
  const { out } = await play(pools, 'pools ls', {}, { pools: found });
  expect(JSON.parse(out)).toEqual(found);
});
