import { fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Broker, BrokerProblem, createBroker } from './index.js';
import { createFrameGuard } from './frame-guard.js';

const BOUND_MS = 8_000;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

let broker: Broker;
let url: string;
let port: number;
let clients: MqttClient[];

beforeEach(async () => {
  clients = [];
  broker = createBroker({ log: silent, packetBytesMax: 200_000, stallBoundMs: 300 });
  ({ url, port } = await broker.start());
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)));
  await broker.stop();
});

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: BOUND_MS, interval: 5 });
}

async function connect(): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0 });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

/** A raw MQTT subscriber that can stop reading, which mqtt.js never does. */
async function rawSubscriber(topic: string): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  const connectPacket = Buffer.from([
    0x10, 15, 0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, 3, 114, 97, 119,
  ]);
  const filter = Buffer.from(topic);
  const head = Buffer.from([0x82, filter.length + 5, 0, 1, 0, filter.length]);
  socket.write(connectPacket);
  await once(socket, 'data'); // CONNACK
  socket.write(Buffer.concat([head, filter, Buffer.from([0])]));
  await once(socket, 'data'); // SUBACK
  return socket;
}

describe('broker', () => {
  it('a subscriber that stops reading is closed and the healthy one gets everything', async () => {
    const stalled = await rawSubscriber('flood');
    stalled.pause();
    stalled.on('error', () => {});
    const healthy = await connect();
    let received = 0;
    healthy.on('message', () => received++);
    await healthy.subscribeAsync('flood', { qos: 0 });
    const publisher = await connect();
    const payload = Buffer.alloc(100_000);
    const messages = 300; // 30 MB, far beyond every socket buffer
    for (let n = 0; n < messages; n++) publisher.publish('flood', payload, { qos: 1 });
    await until(() => received === messages);
    await until(() => broker.connections === 2);
    stalled.destroy();
  });

  it('closes a client at the head of a packet above the bound, others are unharmed', async () => {
    const large = await connect();
    const small = await connect();
    const closed = new Promise<void>((resolve) => large.once('close', () => resolve()));
    large.publish('t', Buffer.alloc(200_001));
    await closed;
    const got = new Promise<number>((resolve) =>
      small.once('message', (_topic, payload) => resolve(payload.length)),
    );
    await small.subscribeAsync('t');
    await small.publishAsync('t', Buffer.alloc(199_900));
    expect(await got).toBe(199_900);
  });

  it('keeps its port over stop and start, and tolerates both twice', async () => {
    // Below the range of which the system gives ports away: nobody gets it while it is free.
    const own = 20_000 + (process.pid % 10_000);
    const kept = createBroker({ port: own, log: silent });
    await kept.start();
    await kept.stop();
    await kept.stop();
    const again = await Promise.all([kept.start(), kept.start()]);
    expect(again.map((address) => address.port)).toEqual([own, own]);
    await kept.stop();
    const never = createBroker({ log: silent });
    await never.stop();
  });

  it('says in one sentence that a port is taken', async () => {
    const second = createBroker({ port, log: silent });
    await expect(second.start()).rejects.toThrow(BrokerProblem);
    await expect(second.start()).rejects.toThrow(
      /^Port \d+ on 127.0.0.1 .*: stop the program.*\.$/,
    );
  });
});

describe('frame guard', () => {
  const packet = (bytes: number): Buffer => {
    const head = [0x30];
    for (let rest = bytes; ; rest = Math.floor(rest / 128)) {
      head.push(rest >= 128 ? (rest % 128) | 0x80 : rest);
      if (rest < 128) break;
    }
    return Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, 0xff)]);
  };

  it.each([1, 2, 3, 7, 1000])('finds the packet above the bound in chunks of %i', (size) => {
    const fine = Buffer.concat([packet(0), packet(127), packet(128), packet(5_000)]);
    const guard = createFrameGuard(5_000);
    const feed = (bytes: Buffer): boolean => {
      for (let at = 0; at < bytes.length; at += size) {
        if (!guard.accept(bytes.subarray(at, at + size))) return false;
      }
      return true;
    };
    expect(feed(fine)).toBe(true);
    expect(feed(packet(5_001))).toBe(false);
  });
});

describe('the role broker', () => {
  const main = path.resolve('dist/libs/broker/src/main.js');

  it('reports its address and ends with its parent', async () => {
    const child = fork(main, ['{"port":0}'], { stdio: 'pipe' });
    const [report] = (await once(child, 'message')) as [Record<string, unknown>];
    expect(report).toMatchObject({
      ready: true,
      url: `mqtt://127.0.0.1:${String(report['port'])}`,
    });
    const exit = once(child, 'exit');
    child.disconnect();
    expect(await exit).toEqual([0, null]);
  });

  it('reports a taken port and ends with 1', async () => {
    const child = fork(main, [JSON.stringify({ port })], { stdio: 'pipe' });
    const exit = once(child, 'exit');
    const [report] = (await once(child, 'message')) as [Record<string, unknown>];
    expect(report).toMatchObject({ ready: false, problem: expect.stringMatching(/^Port \d+/) });
    expect(await exit).toEqual([1, null]);
  });
});
