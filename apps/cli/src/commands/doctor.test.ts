import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadSettings } from '#config';
import { versionOfThis } from '../places.js';
import type { Place } from './command.js';
import { doctor } from './doctor.js';
import {
  type ClusterAnswer,
  type Finding,
  clockOf,
  findingsOn,
  oldNode,
  skewOf,
} from './findings.js';

const version = '1.0.0';
const NOW = Date.parse('2026-07-01T12:00:00.000Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1_000).toISOString();
const scheduler = (name: string, ...seen: readonly number[]) => ({
  name,
  threads: seen.map((seconds, i) => ({ name: `${name}.${i}`, lastSeen: ago(seconds) })),
});
const WELL: ClusterAnswer = {
  viewer: { name: 'ada', projects: [{ project: { name: 'demo' }, role: 'ADMIN' }] },
  cluster: {
    schedulers: [scheduler('s1', 0.4)],
    partitions: [0, 1].map((id) => ({ id, owner: 's1.0', state: 'OWNED' })),
  },
  executors: {
    nodes: [{ id: 'x1', state: 'ACTIVE', version: '1.0.0 wire/1', pool: { name: 'default' } }],
  },
};
const own = { project: 'demo', version, clock: NOW };
const of = (answer: ClusterAnswer, check: string): Finding | undefined =>
  findingsOn(answer, own).find((each) => each.check === check);
const { cluster, executors, viewer } = WELL;
const free = { id: 1, owner: null, state: 'FREE' };

describe('what is found', () => {
  test('where all is well is all ok', () => {
    expect(findingsOn(WELL, own).map(({ status }) => status)).toEqual(Array(5).fill('ok'));
  });

  test.each<readonly [string, Finding['status'], ClusterAnswer, RegExp]>([
    ['key', 'warn', { ...WELL, viewer: { ...viewer, projects: [] } }, /may not see.*demo/],
    ['schedulers', 'fail', { ...WELL, cluster: { ...cluster, schedulers: [] } }, /scheduler/],
    [
      'partitions',
      'warn',
      { ...WELL, cluster: { ...cluster, partitions: [...cluster.partitions, free] } },
      /look again/,
    ],
    ['partitions', 'fail', { ...WELL, cluster: { ...cluster, partitions: [free] } }, /scheduler/],
    ['executors', 'warn', { ...WELL, executors: { nodes: [] } }, /start an executor/],
    [
      'versions',
      'warn',
      { ...WELL, executors: { nodes: executors.nodes.map((x) => ({ ...x, version: '0.9' })) } },
      /one version/,
    ],
  ])('%s is %s, and what to do is said', (check, status, answer, mend) => {
    const found = of(answer, check);
    expect(found?.status).toBe(status);
    expect(found?.mend).toMatch(mend);
  });

  test.each<readonly [string, number, Finding['status'], string]>([
    ['one of two', NOW, 'warn', 's2 was last seen 14 s ago: it is stopped or cut off'],
    ['one of two by a clock an hour ahead', NOW + 3_600_000, 'warn', 's2 was last seen 14 s ago'],
    ['one of two by a clock an hour behind', NOW - 3_600_000, 'warn', 's2 was last seen 14 s ago'],
  ])('%s is silent: it is named, and the status is no ok', (_, clock, status, said) => {
    const answer = {
      ...WELL,
      cluster: { ...cluster, schedulers: [scheduler('s1', 0, 60), scheduler('s2', 14, 19)] },
    };
    const found = findingsOn(answer, { ...own, clock }).find(({ check }) => check === 'schedulers');
    expect(found).toMatchObject({ status, found: expect.stringContaining(said) });
    expect(found?.found).not.toContain('s1');
  });

  test.each([
    ['the last', NOW, ['s1.0'], '14 s ago'],
    ['by a clock that is behind, the last', NOW - 60_000, ['s1.0'], '3.0 s ago'],
    ['without a partition, the last', NOW, [null], '14 s ago'],
  ])('%s scheduler is silent: that is a failure', (_, clock, owners, said) => {
    const partitions = owners.map((owner) => {
      return { id: 0, owner, state: owner === null ? 'FREE' : 'STALE' };
    });
    const answer = { ...WELL, cluster: { schedulers: [scheduler('s1', 14)], partitions } };
    const found = findingsOn(answer, { ...own, clock }).find(({ check }) => check === 'schedulers');
    expect(found).toMatchObject({ status: 'fail', found: expect.stringContaining(said) });
  });

  test.each([
    ['20.19.0', 'ok'],
    ['24.0.1', 'ok'],
    ['20.18.9', 'fail'],
    ['18.20.0', 'fail'],
  ])('node %s is %s', (text, status) => {
    expect(oldNode(text).status).toBe(status);
  });

  test.each([
    [9_000, 10_000, 10_500, 'ok'],
    [10_000, 10_900, 11_000, 'ok'],
    [20_000, 10_000, 10_500, 'warn'],
    [1_000, 10_000, 10_500, 'warn'],
    [Number.NaN, 10_000, 10_500, 'warn'],
  ])('a clock that says %i between %i and %i is %s', (said, began, ended, status) => {
    expect(skewOf(said, began, ended).status).toBe(status);
  });
});

test.each([
  [9_000, 9_700, 9_700],
  [9_000, 60_000, 9_999],
  [9_000, 2_000, 9_000],
  [Number.NaN, 2_000, 2_000],
])('a server that says %i at %i here means about %i', (said, here, means) => {
  expect(clockOf(said, here)).toBe(means);
});

describe('orrery doctor', () => {
  let server: http.Server;
  let url: string;
  let ready: object;
  let answer: object;
  let date: Date;

  beforeEach(async () => {
    ready = { ready: true, database: true, broker: true };
    const nodes = [{ id: 'x1', state: 'ACTIVE', version: versionOfThis(), pool: { name: 'p' } }];
    answer = { data: { ...WELL, executors: { nodes } } };
    date = new Date();
    server = http.createServer((request, response) => {
      response.setHeader('date', date.toUTCString());
      response.end(JSON.stringify(request.url === '/readyz' ? ready : answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function look(apiUrl = url): Promise<{ code: number; found: Record<string, string> }> {
    const loaded = loadSettings({ ORRERY_API_URL: apiUrl, ORRERY_API_KEY: 'k' });
    if (!loaded.ok) throw new Error(loaded.problems.join());
    let out = '';
    const terminal = { out: (text: string) => (out += text), err: () => '', isTerminal: false };
    const place: Place = { settings: () => loaded.settings, terminal, format: 'json' };
    const code = await doctor.start(place, {}, []);
    const findings = JSON.parse(out) as Finding[];
    for (const { status, mend } of findings) if (status !== 'ok') expect(mend).toBeTruthy();
    return {
      code,
      found: Object.fromEntries(findings.map(({ check, status }) => [check, status])),
    };
  }

  test('where all is well says so line by line and ends with 0', async () => {
    const { code, found } = await look();
    expect(code).toBe(0);
    expect(found).toEqual(
      Object.fromEntries(
        ['node', 'address', 'clock', 'database', 'broker', 'key', 'schedulers', 'partitions']
          .concat('executors', 'versions')
          .map((check) => [check, 'ok']),
      ),
    );
  });

  test('a warning alone ends with 0, a failure with 1', async () => {
    ready = { ready: true, database: true, broker: false };
    date = new Date(Date.now() - 60_000);
    expect(await look()).toMatchObject({ code: 0, found: { broker: 'warn', clock: 'warn' } });
    ready = { ready: false, database: false, broker: true };
    expect(await look()).toMatchObject({ code: 1, found: { database: 'fail', broker: 'ok' } });
  });

  test('a key that is refused is a failure, and says what to do', async () => {
    answer = { errors: [{ message: 'No.', extensions: { code: 'UNAUTHENTICATED' } }] };
    expect(await look()).toMatchObject({ code: 1, found: { key: 'fail', address: 'ok' } });
  });

  test('nobody there is a failure, and nothing else is asked', async () => {
    const { code, found } = await look('http://127.0.0.1:1/graphql');
    expect([code, found]).toEqual([1, { node: 'ok', address: 'fail' }]);
  });
});
