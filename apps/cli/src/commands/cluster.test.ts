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

const linesOf = async (values: Values, data: typeof found): Promise<string[][]> => {
  const { out } = await play([cluster], 'cluster', values, { cluster: data }, { format: 'table' });
  return out.split('\n').map((line) => line.trimEnd().split(/ {2,}/));
};
const titles = ['THREAD', 'PARTITIONS', 'COMMITS', 'P50', 'P99', 'FENCED', 'SEEN'];
const ofThread = ['scheduler-1.0', '1', '120', '3ms', '11ms', '2', '0.0 s ago'];
const ofPartition = ['PARTITION', 'OWNER', 'STATE', 'EPOCH', 'EVENTS', 'LAG', 'SINCE'];
const one = ['0', 'scheduler-1.0', 'OWNED', '4', '310', '250ms', since];

test('cluster prints a line a thread, and before them what is not owned', async () => {
  expect(await linesOf({}, { ...found, partitions: [partition] })).toEqual([
    ['1 partition, all OWNED'],
    [''],
    titles,
    ofThread,
    [''],
  ]);
  expect(await linesOf({}, found)).toEqual([
    ['1 of 2 partitions OWNED; these are not:'],
    ofPartition,
    ['1', '-', 'FREE', '4', '310', '-', since],
    [''],
    titles,
    ofThread,
    [''],
  ]);
  const all = await linesOf({ partitions: true }, { ...found, partitions: [partition] });
  expect(all.slice(0, 4)).toEqual([['1 partition, all OWNED'], ofPartition, one, ['']]);
});

test('cluster says how long ago a thread was seen, and which one is stale', async () => {
  const at = (seconds: number): string =>
    new Date(Date.parse(since) + seconds * 1_000).toISOString();
  const threads = [
    { ...thread, lastSeen: at(14) },
    { ...thread, name: 'scheduler-1.1', lastSeen: at(13.7), partitions: 0 },
    { ...thread, name: 'scheduler-2.0', lastSeen: at(0), partitions: 1 },
    { ...thread, name: 'scheduler-2.1', lastSeen: at(-3_000), partitions: 0 },
  ];
  const stale = { ...partition, id: 1, owner: 'scheduler-2.0', state: 'STALE' };
  const schedulers = [{ name: 'all of them', threads }];
  const lines = await linesOf({}, { schedulers, partitions: [partition, stale] });
  expect(lines.slice(5, 9).map((line) => [line[0], line.at(-1)])).toEqual([
    ['scheduler-1.0', '0.0 s ago'],
    ['scheduler-1.1', '0.3 s ago'],
    ['scheduler-2.0', '14 s ago, STALE'],
    ['scheduler-2.1', '50 min ago, STALE'],
  ]);
});

test('cluster --output json prints what was answered', async () => {
  const { out } = await play([cluster], 'cluster', {}, { cluster: found });
  expect(JSON.parse(out)).toEqual(found);
});

const event = { at: since, partition: 3, epoch: '7', from: null, reason: null, refused: null };
const nodes = [
  { ...event, kind: 'FENCED', thread: 'a.0', refused: { events: 9, grants: 1, results: 0 } },
  { ...event, kind: 'STOLEN', thread: 'b.0', from: 'a.0' },
  { ...event, kind: 'CLAIMED', thread: 'b.0', from: 'a.0' },
  { ...event, kind: 'CLAIMED', thread: 'b.0', from: 'b.0' },
  { ...event, kind: 'CLAIMED', thread: 'b.0' },
  { ...event, kind: 'RELEASED', thread: 'b.0', reason: 'stopped' },
];
const events = async (
  values: Values,
  format: 'table' | 'json',
  told: readonly object[] = nodes,
  more: object = {},
) =>
  await play(
    [clusterEvents],
    'cluster events',
    values,
    { cluster: { events: { nodes: told }, ...more } },
    { format },
  );
const rowsOf = ({ out }: { out: string }): string[][] =>
  out.split('\n').map((line) => line.trimEnd().split(/ {2,}/));

test('cluster events prints a line an event', async () => {
  expect(rowsOf(await events({}, 'table'))).toEqual([
    ['AT', 'EVENT', 'THREAD', 'ABOUT', 'EPOCH', 'COUNT', 'PARTITIONS'],
    [since, 'FENCED', 'a.0', 'refused: 9 events, 1 grant, 0 results', '7', '1', '3'],
    [since, 'STOLEN', 'b.0', 'from a.0', '7', '1', '3'],
    [since, 'CLAIMED', 'b.0', 'from a.0, which had left', '7', '1', '3'],
    [since, 'CLAIMED', 'b.0', 'anew', '7', '1', '3'],
    [since, 'CLAIMED', 'b.0', '7', '1', '3'],
    [since, 'RELEASED', 'b.0', 'stopped', '7', '1', '3'],
    [''],
  ]);
});

test('a failover is one line for each thread that took over, whoever else did', async () => {
  const at = (ms: number): string => new Date(Date.parse(since) - ms).toISOString();
  const took = (ms: number, partition: number, thread: string) => {
    return { ...event, kind: 'STOLEN', at: at(ms), partition, thread, from: 'a.0' };
  };
  const many = Array.from({ length: 32 }, (_, i) => took(i * 10, 31 - i, i % 2 ? 'b.0' : 'c.0'));
  const refused = { events: 1, grants: 0, results: 0 };
  const fenced = [0, 1].map((i) => {
    return { ...event, kind: 'FENCED', at: at(500 + i), partition: i, thread: 'a.0', refused };
  });
  const earlier = { ...took(3_000, 40, 'c.0'), epoch: '6' };
  const all = [...many, ...fenced, earlier];
  const rows = rowsOf(await events({}, 'table', all));
  const odd = '1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23 …';
  expect(rows.slice(1)).toEqual([
    [since, 'STOLEN', 'c.0', 'from a.0', '7', '16', odd],
    [at(10), 'STOLEN', 'b.0', 'from a.0', '7', '16', expect.stringMatching(/^0, 2, 4.* …$/)],
    [at(500), 'FENCED', 'a.0', 'refused: 2 events, 0 grants, 0 results', '7', '2', '0, 1'],
    [at(3_000), 'STOLEN', 'c.0', 'from a.0', '6', '1', '40'],
    [''],
  ]);
  expect(rowsOf(await events({ limit: '1' }, 'table', all))).toHaveLength(3);
  expect(JSON.parse((await events({}, 'json', all)).out)).toEqual(all);
});

test('cluster events asks for what is meant, and prints it as it was answered', async () => {
  const { out, variables } = await events({ kind: 'fenced,stolen', partition: '3' }, 'json');
  expect(variables).toEqual({
    first: 20,
    partition: 3,
    kinds: ['FENCED', 'STOLEN'],
    isOne: true,
  });
  expect(JSON.parse(out)).toEqual(nodes);
  await expect(events({ kind: 'lost' }, 'json')).rejects.toThrow('--kind is one of CLAIMED');
  const two = { partitions: [{ id: 0 }, { id: 1 }] };
  expect(JSON.parse((await events({ partition: '1' }, 'json', nodes, two)).out)).toEqual(nodes);
  await expect(events({ partition: '2' }, 'table', [], two)).rejects.toMatchObject({
    exitCode: 2,
    message: "--partition is a whole number from 0 to 1, not '2'.",
  });
});
