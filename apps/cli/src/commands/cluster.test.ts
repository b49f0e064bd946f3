import { expect, test } from 'vitest';
import { cluster } from './cluster.js';
import { clusterEvents } from './cluster-events.js';
import type { Values } from './command.js';
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

const event = { at: since, partition: 3, epoch: '7', from: null, reason: null, refused: null };
const nodes = [
  { ...event, kind: 'FENCED', thread: 'a.0', refused: { events: 9, grants: 4, results: 2 } },
  { ...event, kind: 'STOLEN', thread: 'b.0', from: 'a.0' },
  { ...event, kind: 'CLAIMED', thread: 'b.0', from: 'a.0' },
  { ...event, kind: 'CLAIMED', thread: 'b.0', from: 'b.0' },
  { ...event, kind: 'CLAIMED', thread: 'b.0' },
  { ...event, kind: 'RELEASED', thread: 'b.0', reason: 'stopped' },
];
const events = async (values: Values, format: 'table' | 'json') =>
  await play(
    [clusterEvents],
    'cluster events',
    values,
    { cluster: { events: { nodes } } },
    { format },
  );

test('cluster events prints a line an event', async () => {
  const { out } = await events({}, 'table');
  const lines = out.split('\n').map((line) => line.trimEnd().split(/ {2,}/));
  expect(lines).toEqual([
    ['AT', 'EVENT', 'PARTITION', 'EPOCH', 'THREAD', 'ABOUT'],
    [since, 'FENCED', '3', '7', 'a.0', 'refused: 9 events, 4 grants, 2 results'],
    [since, 'STOLEN', '3', '7', 'b.0', 'from a.0'],
    [since, 'CLAIMED', '3', '7', 'b.0', 'from a.0, which had left'],
    [since, 'CLAIMED', '3', '7', 'b.0', 'anew'],
    [since, 'CLAIMED', '3', '7', 'b.0'],
    [since, 'RELEASED', '3', '7', 'b.0', 'stopped'],
    [''],
  ]);
});

test('cluster events asks for what is meant, and prints it as it was answered', async () => {
  const { out, variables } = await events({ kind: 'fenced,stolen', partition: '3' }, 'json');
  expect(variables).toEqual({ first: 20, partition: 3, kinds: ['FENCED', 'STOLEN'] });
  expect(JSON.parse(out)).toEqual(nodes);
  await expect(events({ kind: 'lost' }, 'json')).rejects.toThrow('--kind is one of CLAIMED');
});
