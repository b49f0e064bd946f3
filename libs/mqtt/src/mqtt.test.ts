import net from 'node:net';
import { filter, firstValueFrom, take, timeout, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Broker, createBroker } from '#broker';
import { Link } from '../../../test/support/link.js';
import { createMqtt, type Mqtt, type MqttOptions } from './index.js';
import { createDispatch, wildcards } from './dispatch.js';

const BOUND_MS = 5_000;
/** It waits one second for its connection to end. */
const STOP_BOUND_MS = 3_000;
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let broker: Broker;
let url: string;
let clients: Mqtt[];
let names = 0;

beforeEach(async () => {
  clients = [];
  broker = createBroker({ log });
  ({ url } = await broker.start());
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.stop()));
  await broker.stop();
});

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: BOUND_MS, interval: 5 });
}

function client(options: Partial<MqttOptions> = {}): Mqtt {
  names += 1;
  const made = createMqtt({ url, clientId: `test-${names}`, log, ...options });
  clients.push(made);
  return made;
}

async function upClient(options: Partial<MqttOptions> = {}): Promise<Mqtt> {
  const made = client(options);
  await made.start();
  await until(() => made.up);
  return made;
}

describe('createMqtt', () => {
  it('tells subscribers, exact and wild, and survives a handler that throws', async () => {
    const mqtt = client();
    const got: string[] = [];
    mqtt.subscribe('a/b', () => {
      throw new Error('a defect');
    });
    mqtt.subscribe('a/b', (topic, payload) => got.push(`${topic}=${payload.toString()}`));
    mqtt.subscribe('x/+/y', (topic) => got.push(topic));
    await mqtt.start();
    await until(() => mqtt.up);
    expect(mqtt.publish('a/b', 'one', { qos: 1 })).toBe(true);
    expect(mqtt.publish('x/7/y', Buffer.from('two'))).toBe(true);
    await until(() => got.length === 2);
    expect(got.sort()).toEqual(['a/b=one', 'x/7/y']);
  });

  it('comes back after a restart of the broker, subscribed, with another session', async () => {
    const sessions: string[] = [];
    const mqtt = await upClient({ onConnect: (session) => sessions.push(session) });
    const ups = firstValueFrom(mqtt.up$.pipe(take(3), toArray(), timeout(BOUND_MS)));
    let got = 0;
    mqtt.subscribe('news', () => got++);
    const before = mqtt.session;
    await broker.stop();
    await until(() => !mqtt.up);
    await broker.start();
    await until(() => mqtt.up);
    expect(mqtt.publish('news', 'x', { qos: 1 })).toBe(true);
    await until(() => got === 1);
    expect(await ups).toEqual([true, false, true]);
    expect(mqtt.session).not.toBe(before);
    expect(sessions).toEqual([before, mqtt.session]);
  });

  it('queues nothing while it is disconnected', async () => {
    const witness: string[] = [];
    const mqtt = await upClient();
    await broker.stop();
    await until(() => !mqtt.up);
    expect(mqtt.publish('t', 'lost 0')).toBe(false);
    expect(mqtt.publish('t', 'lost 1', { qos: 1 })).toBe(false);
    expect(await mqtt.publishAcked('t', Buffer.from('lost 2'))).toBe(false);
    expect(mqtt.dropped).toBe(3);
    await broker.start();
    const reader = client();
    reader.subscribe('t', (_topic, payload) => witness.push(payload.toString()));
    await reader.start();
    await until(() => reader.up && mqtt.up);
    expect(await mqtt.publishAcked('t', Buffer.from('kept'))).toBe(true);
    await until(() => witness.length > 0);
    expect(witness).toEqual(['kept']);
  });

  it('drops above its bounds of bytes and of messages', async () => {
    const bounds = { inFlightBytesMax: 100_000, inFlightMax: 3, payloadBytesMax: 60_000 };
    const mqtt = await upClient({ bounds });
    expect(mqtt.publish('t', Buffer.alloc(60_001))).toBe(false);
    const small = [1, 2, 3, 4].map(() => mqtt.publish('t', 'x', { qos: 1 }));
    expect(small).toEqual([true, true, true, false]);
    const large = [1, 2, 3].map(() => mqtt.publish('t', Buffer.alloc(50_000)));
    expect(large).toEqual([true, false, false]);
    // Acknowledged and written, there is room again.
    await until(() => mqtt.publish('t', Buffer.alloc(50_000), { qos: 1 }));
  });

  it('the last unsubscription of a filter releases it at the broker', async () => {
    let bytes = 0;
    const proxy = net.createServer((socket) => {
      const upstream = net.connect(Number(new URL(url).port), '127.0.0.1');
      upstream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      for (const end of [socket, upstream]) end.on('error', () => {});
      socket.pipe(upstream).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as net.AddressInfo;
    const mqtt = await upClient({ url: `mqtt://127.0.0.1:${port}` });
    const publisher = await upClient();
    const got: string[] = [];
    const first = mqtt.messages$('r/+').subscribe(({ topic }) => got.push(`first ${topic}`));
    const second = mqtt.messages$('r/+').subscribe(({ topic }) => got.push(`second ${topic}`));
    mqtt.subscribe('end', () => got.push('end'));
    // The broker works in order: the echo of our own message comes after what we asked before it.
    const settled = async (ends: number): Promise<void> => {
      await mqtt.publishAcked('end', Buffer.from(''));
      await until(() => got.filter((entry) => entry === 'end').length === ends);
    };
    await settled(1);
    expect(await publisher.publishAcked('r/1', Buffer.alloc(1_000))).toBe(true);
    await until(() => got.includes('first r/1') && got.includes('second r/1'));
    first.unsubscribe();
    await settled(2);
    expect(await publisher.publishAcked('r/2', Buffer.alloc(1_000))).toBe(true);
    await until(() => got.includes('second r/2'));
    second.unsubscribe();
    await settled(3);
    const before = bytes;
    expect(await publisher.publishAcked('r/3', Buffer.alloc(1_000))).toBe(true);
    await settled(4);
    expect(got.filter((entry) => entry !== 'end').sort()).toEqual([
      'first r/1',
      'second r/1',
      'second r/2',
    ]);
    expect(bytes - before).toBeLessThan(1_000);
    proxy.close();
  });

  it('stops without a start, twice, and starts again', async () => {
    const mqtt = client();
    await mqtt.stop();
    await mqtt.start();
    await mqtt.start();
    await until(() => mqtt.up);
    await Promise.all([mqtt.stop(), mqtt.stop()]);
    await until(() => broker.connections === 0);
    expect(mqtt.up).toBe(false);
    await mqtt.start();
    await firstValueFrom(mqtt.up$.pipe(filter(Boolean), timeout(BOUND_MS)));
  });

  it('stops within a bound when an acknowledgement never comes', async () => {
    const link = new Link(() => Number(new URL(url).port));
    const mqtt = await upClient({ url: `mqtt://127.0.0.1:${await link.start()}` });
    link.stall('both');
    const acked = mqtt.publishAcked('t', Buffer.from('into the void'));
    const began = performance.now();
    await mqtt.stop();
    expect(performance.now() - began).toBeLessThan(STOP_BOUND_MS);
    expect(await acked).toBe(false);
    await link.stop();
  });

  it('stops at once while the broker is away', async () => {
    await broker.stop();
    const mqtt = client();
    await mqtt.start();
    await mqtt.stop();
    await broker.start();
    expect(mqtt.up).toBe(false);
  });
});

describe('dispatch', () => {
  it.each([
    ['a/b', 'a/b', []],
    ['a/+', 'a/b', ['b']],
    ['+/b/#', 'a/b/c/d', ['a', 'c/d']],
    ['a/#', 'a', ['']],
    ['a/+', 'a', undefined],
    ['a/+', 'a/b/c', undefined],
    ['#', '$SYS/x', undefined],
    ['a/b', 'a/c', undefined],
  ])('%s on %s gives %j', (pattern, topic, expected) => {
    expect(wildcards(pattern.split('/'), topic.split('/'))).toEqual(expected);
  });

  it('forgets its remembered answers when a handler comes or goes', () => {
    const dispatch = createDispatch();
    const one = (): void => {};
    const two = (): void => {};
    expect(dispatch.add('a/+', one)).toBe(true);
    expect(dispatch.handlersOf('a/b')).toEqual([one]);
    expect(dispatch.add('a/+', two)).toBe(false);
    expect(dispatch.handlersOf('a/b')).toEqual([one, two]);
    expect(dispatch.remove('a/+', one)).toBe(false);
    expect(dispatch.remove('a/+', one)).toBe(false);
    expect(dispatch.remove('a/+', two)).toBe(true);
    expect(dispatch.handlersOf('a/b')).toEqual([]);
    expect(dispatch.filters).toEqual([]);
  });
});
