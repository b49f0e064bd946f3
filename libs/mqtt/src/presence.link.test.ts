import net from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Broker, createBroker } from '#broker';
import { createMqtt, createPresenceLink, type Mqtt, type PresenceLink } from './index.js';

const BOUND_MS = 5_000;
const TOPIC = 'presence/x/one';
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let broker: Broker;
let url: string;
let witness: Mqtt;
let link: PresenceLink;
let states: string[];
let proxy: net.Server;
let proxied: Set<net.Socket>;

async function until(condition: () => boolean, timeout = BOUND_MS): Promise<void> {
  await vi.waitUntil(condition, { timeout, interval: 5 });
}

/** Stands between, so that a connection can be cut without a word. */
function listenProxy(port: number): Promise<number> {
  proxied = new Set();
  proxy = net.createServer((socket) => {
    const upstream = net.connect(port, '127.0.0.1');
    for (const end of [socket, upstream]) {
      end.on('error', () => {});
      proxied.add(end);
    }
    socket.pipe(upstream).pipe(socket);
  });
  return new Promise((resolve) => {
    proxy.listen(0, '127.0.0.1', () => resolve((proxy.address() as net.AddressInfo).port));
  });
}

function cut(): void {
  for (const socket of proxied) socket.destroy();
  proxied.clear();
}

beforeEach(async () => {
  states = [];
  broker = createBroker({ log });
  const address = await broker.start();
  url = address.url;
  const proxyPort = await listenProxy(address.port);
  witness = createMqtt({ url, clientId: 'witness', log });
  witness.subscribe(TOPIC, (_topic, payload) => states.push(payload.toString()));
  await witness.start();
  await until(() => witness.up);
  link = createPresenceLink({
    mqtt: { url: `mqtt://127.0.0.1:${proxyPort}`, clientId: 'one', log },
    topic: TOPIC,
    birth: (session) => Buffer.from(`birth ${session}`),
    death: (session) => Buffer.from(`death ${session}`),
  });
  await link.start();
  await until(() => states.length === 1);
});

afterEach(async () => {
  await link.stop();
  await witness.stop();
  cut();
  proxy.close();
  await broker.stop();
});

it('is born with the session of its connection', () => {
  expect(states).toEqual([`birth ${link.session}`]);
});

it('a cut delivers the will of its session within a second, then a new birth', async () => {
  const first = link.session;
  cut();
  await until(() => states.includes(`death ${first}`), 1_000);
  await until(() => link.client.up);
  expect(link.session).not.toBe(first);
  await until(() => states.at(-1) === `birth ${link.session}`);
});

it('answers a foreign state with its birth, and not at the speed of the wire', async () => {
  for (const foreign of ['death of an earlier one', 'birth of a twin']) {
    expect(await witness.publishAcked(TOPIC, Buffer.from(foreign), true)).toBe(true);
  }
  await until(() => states.length === 4);
  expect(states.slice(-2)).toContain(`birth ${link.session}`);
  await witness.publishAcked(TOPIC, Buffer.from('the twin again'), true);
  await until(() => states.at(-1) === `birth ${link.session}` && states.includes('the twin again'));
  expect(
    states.filter((state) => state.startsWith('birth ') && state.includes(link.session ?? '')),
  ).toHaveLength(3);
});

it('a stop publishes the death of the same session, retained, and leaves no will', async () => {
  const session = link.session;
  await link.stop();
  await link.stop();
  await until(() => states.length === 2);
  expect(states[1]).toBe(`death ${session}`);
  const late: string[] = [];
  const latecomer = createMqtt({ url, clientId: 'latecomer', log });
  latecomer.subscribe(TOPIC, (_topic, payload, retained) => {
    if (retained) late.push(payload.toString());
  });
  await latecomer.start();
  await until(() => late.length === 1);
  await latecomer.stop();
  expect(late).toEqual([`death ${session}`]);
  await link.start();
  await until(() => states.at(-1) === `birth ${link.session}`);
  expect(states.filter((state) => state === `death ${session}`)).toHaveLength(1);
});

it('refresh publishes the birth anew', async () => {
  link.refresh();
  await until(() => states.length === 2);
  expect(states[1]).toBe(states[0]);
});
