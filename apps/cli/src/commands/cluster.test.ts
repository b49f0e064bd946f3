import { expect, test } from 'vitest';
import { cluster } from './cluster.js';
import { play } from './testkit/play.js';

const since = '2026-07-01T12:00:00.000Z';
const thread = {
  name: 'scheduler-1.0',
  lastSeen: since,
  partitions: 1,
  commits: 120,
  fenced: 2,
  commitP50: '3ms',
  commitP99: '11ms',
};
const partition = {
  id: 0,
  owner: thread.name,
  state: 'OWNED',
  epoch: '4',
  seq: '310',
  since,
  commitP99: '11ms',
  lag: '250ms',
};
const free = { ...partition, id: 1, owner: null, state: 'FREE', commitP99: null, lag: null };
const found = {
  schedulers: [{ name: 'scheduler-1', threads: [thread] }],
  partitions: [partition, free],
};

test('cluster prints a line a thread and a line a partition', async () => {
  const { out } = await play([cluster], 'cluster', {}, { cluster: found }, { format: 'table' });
  const lines = out.split('\n').map((line) => line.trimEnd().split(/ {2,}/));
  expect(lines).toEqual([
    ['THREAD', 'PARTITIONS', 'COMMITS', 'P50', 'P99', 'FENCED', 'LAST SEEN'],
    ['scheduler-1.0', '1', '120', '3ms', '11ms', '2', since],
    [''],
    ['PARTITION', 'OWNER', 'STATE', 'EPOCH', 'EVENTS', 'LAG', 'SINCE'],
    ['0', 'scheduler-1.0', 'OWNED', '4', '310', '250ms', since],
    ['1', '-', 'FREE', '4', '310', '-', since],
    [''],
  ]);
});

test('cluster --output json prints what was answered', async () => {
  const { out } = await play([cluster], 'cluster', {}, { cluster: found });
  expect(JSON.parse(out)).toEqual(found);
});
