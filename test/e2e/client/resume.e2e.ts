import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { type Broker, createBroker } from '#broker';
import { type Client, type RequestError, createClient } from '#client';
import { type Mqtt, createMqtt } from '#mqtt';
import { Connection } from '#postgres';
import { topicsOf } from '#protocol';
import { TestThread, eventOf } from '../../../apps/gateway/src/live/testkit/thread.js';
import {
  type TestGateway,
  silent,
  startTestGateway,
} from '../../../apps/gateway/src/testkit/gateway.js';
import { type TestDatabase, startTestDatabase } from '../../support/database.js';
import { Link } from '../../support/link.js';

const BOUND_MS = 20_000;
const PARTITIONS = 4;
const TOPICS = topicsOf('main');
const EVENTS = `subscription($after: Cursor) {
  runEvents(project: "demo", after: $after) { cursor events { data } }
}`;
interface Told {
  readonly runEvents: {
    readonly events: readonly { readonly data: { readonly n: number } }[];
  };
}

let database: TestDatabase;
let broker: Broker;
let mqttUrl: string;
let mqtt: Mqtt;
let commits: Connection;
let thread: TestThread;
let gateway: TestGateway;
/** Where the newest gateway listens. */
let port = 0;
let link: Link;
let client: Client;
let project: string;
/** Where it stands in the journal; nothing else writes there. */
let said = 0;

const start = async (): Promise<TestGateway> => {
  const started = await startTestGateway({ url: database.url, mqttUrl });
  await started.app.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = started.app.getHttpServer().address() as AddressInfo);
  return started;
};

beforeAll(async () => {
  database = await startTestDatabase(PARTITIONS);
  broker = createBroker({ log: silent });
  mqttUrl = (await broker.start()).url;
  mqtt = createMqtt({ url: mqttUrl, clientId: 't.0', log: silent });
  await mqtt.start();
  commits = new Connection({ url: database.url, role: 'none', name: 'orrery/t.0/1' });
  await until(() => mqtt.up, BOUND_MS);
  thread = new TestThread(commits, mqtt, TOPICS, new Map());
  gateway = await start();
  link = new Link(() => port);
  const url = `http://127.0.0.1:${await link.start()}/graphql`;
  client = createClient({ url, key: gateway.key });
  project = (await gateway.get<{ id: string }>('{ project(name: "demo") { id } }')).id;
}, 60_000);
afterAll(async () => {
  await client.close();
  await link.stop();
  await gateway.stop();
  thread.stop();
  await mqtt.stop();
  await broker.stop();
  await commits.stop();
  await database.stop();
});

/** So many events more, over all partitions, numbered as they are committed. */
async function say(count: number, more: object = {}): Promise<void> {
  for (let left = count; left > 0; left -= 500) {
    const events = Array.from({ length: Math.min(left, 500) }, () =>
      eventOf('01900000-0000-7000-8000-000000000001', {
        project,
        data: { n: said++, ...more },
      }),
    );
    await thread.one(said % PARTITIONS, ...events);
  }
}

/** Reads on its own; gives what it saw and by what it was interrupted. */
function reader() {
  const seen: number[] = [];
  const lost: RequestError[] = [];
  let isOpen = false;
  const interrupted = (error: RequestError): void => void lost.push(error);
  const frames = client.follow<Told>(EVENTS, {}, { interrupted });
  const read = async (): Promise<void> => {
    for await (const step of frames) {
      if (!step.ok) throw new Error(step.errors[0]?.message);
      isOpen = true;
      for (const { data } of step.value.runEvents.events) seen.push(data.n);
    }
  };
  const done = read();
  return {
    seen,
    lost,
    opened: () => until(() => isOpen, BOUND_MS),
    leave: async () => {
      await frames.return?.();
      await done;
    },
  };
}
const numbers = (from: number): number[] => Array.from({ length: said - from }, (_, i) => from + i);
const sorted = (seen: readonly number[]): number[] => [...seen].sort((a, b) => a - b);

test('a cut in the middle, and a gateway that is restarted: none missed, none twice', async () => {
  const from = said;
  const { seen, lost, opened, leave } = reader();
  await opened();
  for (let cuts = 0; cuts < 5; cuts++) {
    await say(700);
    await until(() => seen.length > cuts * 1_400, BOUND_MS);
    link.cut();
    await say(700);
  }
  await until(() => seen.length >= said - from, BOUND_MS);
  await say(300);
  const old = gateway;
  const stopped = old.stop();
  await say(400);
  await stopped;
  gateway = await start();
  await say(300);
  await until(() => seen.length >= said - from, BOUND_MS);
  await leave();
  expect(sorted(seen)).toEqual(numbers(from));
  expect(lost.length).toBeGreaterThanOrEqual(6);
  expect(lost.every(({ code }) => code === 'CLOSED' || code === 'UNREACHABLE')).toBe(true);
}, 60_000);

test('a reader that is cut off because it is slow goes on where it was', async () => {
  const from = said;
  const { seen, lost, opened, leave } = reader();
  await opened();
  await until(() => thread.isFollowed(0), BOUND_MS);
  link.stall();
  // What the sockets on the way hold, and then all that the gateway keeps for a reader.
  await say(45_000, { more: 'x'.repeat(1_000) });
  link.flow();
  await until(() => seen.length >= said - from, BOUND_MS);
  await leave();
  expect(sorted(seen)).toEqual(numbers(from));
  expect(lost.map(({ code }) => code)).toContain('SLOW_CONSUMER');
}, 60_000);
