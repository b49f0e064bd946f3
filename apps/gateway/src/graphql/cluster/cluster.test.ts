import { afterAll, beforeAll, expect, it } from 'vitest';
import { Connection, claimPartition, releasePartitions, tellFences, touchNode } from '#postgres';
import { type Broker, createBroker } from '#broker';
import {
  type TestDatabase,
  startTestDatabase,
  trouble,
} from '../../../../../test/support/database.js';
import { type TestGateway, silent, startTestGateway } from '../../testkit/gateway.js';

let database: TestDatabase;
let broker: Broker;
let gateway: TestGateway;
let connection: Connection;
beforeAll(async () => {
  database = await startTestDatabase(2);
  broker = createBroker({ log: silent });
  const { url } = await broker.start();
  gateway = await startTestGateway({ url: database.url, mqttUrl: url });
  connection = new Connection({ url: database.url, role: 'orrery_scheduler', name: 'test' });
});
afterAll(async () => {
  await connection.stop();
  await gateway.stop();
  await broker.stop();
  await database.stop();
});

const CLUSTER = `{ cluster {
  schedulers { name threads { name partitions commits fenced commitP50 commitP99 } }
  partitions { id owner state reason epoch commitP99 lag } } }`;

it('says who owns what, how its commits do, and what nobody has taken in', async () => {
  const stats = { commits: 12, fenced: 3, commitP50Ms: 4.2, commitP99Ms: 17.6, hearsMs: 1 };
  await touchNode(connection, 's.0', 'one', 's', stats);
  await touchNode(connection, 's.1', 'one', 's');
  await claimPartition(connection, 0, 0, 's.0');
  const before = await gateway.get<object>(CLUSTER);
  const quiet = { commits: null, fenced: null, commitP50: null, commitP99: null };
  const busy = { commits: 12, fenced: 3, commitP50: '4ms', commitP99: '18ms' };
  const free = {
    id: 1,
    owner: null,
    state: 'FREE',
    reason: null,
    epoch: '0',
    commitP99: null,
    lag: null,
  };
  expect(before).toEqual({
    schedulers: [
      {
        name: 's',
        threads: [
          { name: 's.0', partitions: 1, ...busy },
          { name: 's.1', partitions: 0, ...quiet },
        ],
      },
    ],
    partitions: [
      { ...free, id: 0, owner: 's.0', state: 'OWNED', epoch: '1', commitP99: '18ms' },
      free,
    ],
  });
  const submit = 'mutation { submitRun(input: { project: "demo", job: "noop" }) { run { id } } }';
  await gateway.get(submit);
  const after = await gateway.get<{ partitions: { lag: string | null }[] }>(CLUSTER);
  const lags = after.partitions.flatMap(({ lag }) => (lag === null ? [] : [lag]));
  expect(lags).toEqual([expect.stringMatching(/^\d+(ms|s)/)]);
});

interface Events {
  readonly events: {
    readonly nodes: readonly object[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  };
}
const eventsOf = async (given: string): Promise<Events['events']> => {
  const event = 'kind partition epoch thread from reason refused { events grants results }';
  const page = 'pageInfo { hasNextPage endCursor }';
  const { events } = await gateway.get<Events>(
    `{ cluster { events(${given}) { nodes { ${event} } ${page} } } }`,
  );
  return events;
};

it('tells what happened to who owns what, the newest first, in pages', async () => {
  await touchNode(connection, 's.2', 'one', 's');
  await touchNode(connection, 's.3', 'one', 's');
  await claimPartition(connection, 1, 0, 's.2');
  await claimPartition(connection, 1, 1, 's.3');
  const fence = { partition: 1, epoch: 1, events: 9, granted: 4, finished: 2 };
  await tellFences(connection, 's.2', [fence]);
  await releasePartitions(connection, [{ partition: 1, epoch: 2 }], 'handed over');
  const event = { partition: 1, from: null, reason: null, refused: null };
  const all = [
    { ...event, kind: 'RELEASED', epoch: '2', thread: 's.3', reason: 'handed over' },
    {
      ...event,
      kind: 'FENCED',
      epoch: '1',
      thread: 's.2',
      refused: { events: 9, grants: 4, results: 2 },
    },
    { ...event, kind: 'STOLEN', epoch: '2', thread: 's.3', from: 's.2' },
    { ...event, kind: 'CLAIMED', epoch: '1', thread: 's.2' },
  ];
  const first = await eventsOf('partition: 1, first: 3');
  expect(first.nodes).toEqual(all.slice(0, 3));
  expect(first.pageInfo.hasNextPage).toBe(true);
  const after = `after: "${first.pageInfo.endCursor}"`;
  expect((await eventsOf(`partition: 1, ${after}`)).nodes).toEqual(all.slice(3));
  expect((await eventsOf('partition: 1, kinds: [FENCED, STOLEN]')).nodes).toEqual(all.slice(1, 3));
});

it('says SICK of what three owners in a row gave up, and why, for some minutes', async () => {
  const { admin } = database;
  type Said = { cluster: { partitions: { state: string; reason: string | null }[] } };
  const said = async () => {
    const { partitions } = await gateway.get<Said['cluster']>(
      '{ cluster { partitions { state reason } } }',
    );
    return partitions[1];
  };
  await trouble.sicken(admin, 1, 2, 0);
  expect(await said()).toEqual({ state: 'FREE', reason: 'it failed' });
  await trouble.sicken(admin, 1, 3, 0);
  expect(await said()).toEqual({ state: 'SICK', reason: 'it failed' });
  const { rows } = await admin.query('select epoch::int from partition where id = 1');
  await claimPartition(connection, 1, Number(rows[0]?.['epoch']), 's.0');
  expect(await said()).toMatchObject({ state: 'SICK' });
  await trouble.sicken(admin, 1, 3, 300_001);
  expect(await said()).toEqual({ state: 'FREE', reason: null });
});
