import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '#actor';
import { type Broker, createBroker } from '#broker';
import { type Mqtt, createMqtt } from '#mqtt';
import { type Deed, Frames } from './frames.js';
import { Link, type Way } from './link.js';

const BOUND_MS = 5_000;
const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

let broker: Broker;
let link: Link;
let frames: Frames;
let near: Mqtt;
let far: Mqtt;
let heard: { near: string[]; far: string[] };

beforeEach(async () => {
  heard = { near: [], far: [] };
  frames = new Frames();
  broker = createBroker({ log });
  const { port } = await broker.start();
  link = new Link(() => port, frames);
  near = createMqtt({ url: `mqtt://127.0.0.1:${await link.start()}`, clientId: 'near', log });
  far = createMqtt({ url: `mqtt://127.0.0.1:${port}`, clientId: 'far', log });
  near.subscribe('to/near/+', (topic, payload) =>
    heard.near.push(`${topic.at(-1)}${payload.toString()}`),
  );
  far.subscribe('to/far/+', (topic, payload) =>
    heard.far.push(`${topic.at(-1)}${payload.toString()}`),
  );
  for (const client of [near, far]) await client.start();
  await until(() => near.up && far.up, BOUND_MS);
});
afterEach(async () => {
  for (const client of [near, far]) await client.stop();
  await link.stop();
  await broker.stop();
});

const begin = (deed: Deed, way: Way): void => frames.begin({ deed, way, share: 1, seed: 1 });

test('without a fault everything passes, whatever its size and its pieces', async () => {
  const large = 'x'.repeat(900_000);
  for (const word of ['1', large, '2']) near.publish('to/far/a', word, { qos: 1 });
  await until(() => heard.far.length === 3, BOUND_MS);
  expect(heard.far).toEqual(['a1', `a${large}`, 'a2']);
  expect(frames.touched).toBe(0);
});

test('QoS 0 is lost one way, and the connection stands', async () => {
  begin('lose', 'up');
  const { session } = near;
  near.publish('to/far/a', 'lost');
  far.publish('to/near/a', 'heard');
  await until(() => heard.near.length === 1 && frames.touched === 1, BOUND_MS);
  frames.calm();
  near.publish('to/far/a', 'heard');
  await until(() => heard.far.length > 0, BOUND_MS);
  expect([heard.far, near.session]).toEqual([['aheard'], session]);
});

test('QoS 1 is lost with its connection, and its publisher is told', async () => {
  begin('lose', 'both');
  const { session } = near;
  expect(await near.publishAcked('to/far/a', Buffer.from('lost'))).toBe(false);
  frames.calm();
  await until(() => near.up && near.session !== session, BOUND_MS);
  expect(await near.publishAcked('to/far/a', Buffer.from('heard'))).toBe(true);
  await until(() => heard.far.length > 0, BOUND_MS);
  expect(heard.far).toEqual(['aheard']);
});

test('what comes twice, up or down, breaks no connection', async () => {
  begin('double', 'both');
  const { session } = near;
  expect(await near.publishAcked('to/far/a', Buffer.from('1'))).toBe(true);
  near.publish('to/far/a', '2');
  expect(await far.publishAcked('to/near/a', Buffer.from('3'))).toBe(true);
  await until(() => heard.far.length === 4 && heard.near.length === 2, BOUND_MS);
  frames.calm();
  expect(await near.publishAcked('to/far/a', Buffer.from('4'))).toBe(true);
  await until(() => heard.far.includes('a4'), BOUND_MS);
  expect(heard.far).toEqual(['a1', 'a1', 'a2', 'a2', 'a4']);
  expect([heard.near, near.session]).toEqual([['a3', 'a3'], session]);
});

test('what is delayed is overtaken by other topics and never by its own', async () => {
  begin('delay', 'up');
  near.publish('to/far/a', '1');
  await until(() => frames.touched === 1, BOUND_MS);
  frames.begin({ deed: 'delay', way: 'up', share: 0, seed: 1 });
  near.publish('to/far/a', '2');
  near.publish('to/far/b', '3');
  await until(() => heard.far.length === 3, BOUND_MS);
  expect(heard.far).toEqual(['b3', 'a1', 'a2']);
});
