import net from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock, until } from '#actor';
import { type Broker, createBroker } from '#broker';
import { type PresenceLink, createMqtt, createPresenceLink } from '#mqtt';
import { encodePresence, topicsOf } from '#protocol';
import { refuseOtherLife } from './life-guard.js';

const BOUND_MS = 5_000;
const LUMP_MS = 50;
const OURS = '00000000-0000-4000-8000-00000000000a';
const THEIRS = '00000000-0000-4000-8000-00000000000b';
const topics = topicsOf('main');
const quiet = (): void => undefined;

let broker: Broker;
let mqttUrl: string;
let there: PresenceLink[];
let warned: string[];
const log = { debug: quiet, info: quiet, error: quiet, warn: (text: string) => warned.push(text) };

beforeEach(async () => {
  [there, warned] = [[], []];
  broker = createBroker({ log });
  ({ url: mqttUrl } = await broker.start());
});
afterEach(async () => {
  for (const each of there) await each.stop();
  await broker.stop();
});

const birthOf = (session: string, life: string): Buffer =>
  Buffer.from(encodePresence({ v: 1, state: 'birth', session, life }));
const options = { cluster: 'main', life: OURS, scheduler: 'scheduler', log };
const look = (): Promise<void> => refuseOtherLife({ ...options, mqttUrl });

/** A thread that works, as far as the broker sees it. */
async function works(thread: string, life: string, cluster = 'main'): Promise<void> {
  const topic = topicsOf(cluster).schedulerPresence(thread);
  const link = createPresenceLink({
    topic,
    birth: (session) => birthOf(session, life),
    death: (session) => Buffer.from(encodePresence({ v: 1, state: 'death', session })),
    mqtt: { url: mqttUrl, clientId: `${cluster}-${thread}`, log },
  });
  there.push(link);
  let isBorn = false;
  link.client.subscribe(topic, () => (isBorn = true));
  await link.start();
  await until(() => isBorn, BOUND_MS);
}

test('another installation works under our name: refused, with both named', async () => {
  await works('scheduler-1.0', OURS);
  await works('scheduler-2.0', THEIRS);
  const host = new URL(mqttUrl).host;
  await expect(look()).rejects.toThrow(
    `at the broker ${host} the scheduler scheduler-2.0 of another installation (life ${THEIRS}) ` +
      `works under the name of the cluster main, and this process is of the installation with ` +
      `the life ${OURS}: give one of them another broker, or install it under another name ` +
      '(ORRERY_CLUSTER)',
  );
});

test('also when all that is retained comes in one piece with the answer', async () => {
  await works('scheduler-2.0', THEIRS);
  const lumps = await lumpy(Number(new URL(mqttUrl).port));
  const { port } = lumps.address() as net.AddressInfo;
  try {
    const far = refuseOtherLife({ ...options, mqttUrl: `mqtt://127.0.0.1:${port}` });
    await expect(far).rejects.toThrow('the scheduler scheduler-2.0 of another installation');
  } finally {
    lumps.close();
  }
});

/** A way to the broker on which what comes back comes in lumps, as from a process that is busy. */
async function lumpy(to: number): Promise<net.Server> {
  const server = net.createServer((client) => {
    const upstream = net.connect(to, '127.0.0.1');
    let lump: Buffer[] = [];
    client.pipe(upstream);
    upstream.on('data', (bytes: Buffer) => {
      if (lump.push(bytes) > 1) return;
      systemClock.after(LUMP_MS, () => client.write(Buffer.concat(lump.splice(0))));
    });
    for (const socket of [client, upstream]) {
      socket.on('error', quiet).on('close', () => {
        lump = [];
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

test('our own, and those of other clusters, are no reason to wait', async () => {
  await works('scheduler-1.0', OURS);
  await works('scheduler-2.0', THEIRS, 'staging');
  const began = performance.now();
  await look();
  expect(performance.now() - began).toBeLessThan(1_000);
});

test('a birth that was left behind, and nobody stands for, is no scheduler', async () => {
  const left = createMqtt({ url: mqttUrl, clientId: 'left', log });
  await left.start();
  await until(() => left.up, BOUND_MS);
  const topic = topics.schedulerPresence('scheduler-3.0');
  await left.publishAcked(topic, birthOf('gone', THEIRS), true);
  await left.stop();
  await look();
  expect(warned).toEqual([]);
});

test('without a broker nothing can be known: it is said, and no reason not to start', async () => {
  await broker.stop();
  await look();
  expect(warned).toEqual(['no broker answers: another installation may use it under our name']);
});
