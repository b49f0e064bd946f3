import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, type MicroserviceOptions, Payload } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Broker, createBroker } from '#broker';
import { createMqtt, type Mqtt } from '#mqtt';
import { createInbox, type Delivery } from './inbox.js';
import { MqttBatchStrategy } from './index.js';

const BOUND_MS = 5_000;
const errors: string[] = [];
const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (message: string) => errors.push(message),
};

const slices: (readonly Delivery[])[] = [];
let gate: Promise<void> = Promise.resolve();

@Controller()
class UpController {
  @EventPattern('orrery/v1/{cluster}/s/{thread}/up/+')
  async up(@Payload() deliveries: readonly Delivery[]): Promise<void> {
    slices.push(deliveries);
    await gate;
    if (deliveries.some(({ payload }) => payload.toString() === 'poison')) {
      throw new Error('a defect');
    }
  }
}

@Module({ controllers: [UpController] })
class UpModule {}

@Controller()
class NowhereController {
  @EventPattern('orrery/{nowhere}/x')
  ignore(@Payload() _deliveries: readonly Delivery[]): void {}
}

@Module({ controllers: [NowhereController] })
class NowhereModule {}

async function until(condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: BOUND_MS, interval: 5 });
}

const received = (): Delivery[] => slices.flat();

describe('MqttBatchStrategy', () => {
  let broker: Broker;
  let strategy: MqttBatchStrategy;
  let sender: Mqtt;
  let close: () => Promise<void>;

  const strategyFor = (url: string): MqttBatchStrategy =>
    new MqttBatchStrategy({
      client: createMqtt({ url, clientId: 'service', log }),
      values: { cluster: 'main', thread: 's1' },
      bounds: { deliveriesMax: 50 },
      log,
    });

  beforeEach(async () => {
    slices.length = 0;
    errors.length = 0;
    gate = Promise.resolve();
    broker = createBroker({ log });
    const { url } = await broker.start();
    strategy = strategyFor(url);
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(UpModule, {
      strategy,
      logger: false,
    });
    await app.listen();
    close = () => app.close();
    sender = createMqtt({ url, clientId: 'sender', log });
    await sender.start();
    await until(() => strategy.client.up && sender.up);
  });

  afterEach(async () => {
    await close();
    await sender.stop();
    await broker.stop();
  });

  it('hands over what came in one turn as one array, in order', async () => {
    for (let n = 0; n < 40; n++) sender.publish(`orrery/v1/main/s/s1/up/x${n}`, String(n));
    await until(() => received().length === 40);
    expect(received().map(({ payload }) => payload.toString())).toEqual(
      Array.from({ length: 40 }, (_, n) => String(n)),
    );
    expect(received()[7]).toMatchObject({ wild: ['x7'], topic: 'orrery/v1/main/s/s1/up/x7' });
    expect(slices.length).toBeLessThan(20);
  });

  it('collects while a handler works, drops the oldest above the bound, counts them', async () => {
    let open = (): void => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    sender.publish('orrery/v1/main/s/s1/up/a', 'first');
    await until(() => slices.length === 1);
    for (let n = 0; n < 80; n++) sender.publish('orrery/v1/main/s/s1/up/a', String(n));
    await until(() => strategy.dropped['orrery/v1/main/s/s1/up/+'] === 30);
    expect(slices).toHaveLength(1);
    open();
    await until(() => slices.length === 2);
    expect(slices[1]).toHaveLength(50);
    expect(slices[1]?.at(-1)?.payload.toString()).toBe('79');
  });

  it('logs a handler that throws and goes on', async () => {
    sender.publish('orrery/v1/main/s/s1/up/a', 'poison');
    await until(() => errors.includes('a message handler threw'));
    sender.publish('orrery/v1/main/s/s1/up/a', 'fine');
    await until(() => received().some(({ payload }) => payload.toString() === 'fine'));
  });

  it('exposes its client for publishing, and close stops it', async () => {
    const got: string[] = [];
    sender.subscribe('down', (_topic, payload) => got.push(payload.toString()));
    await sender.publishAcked('settled', Buffer.from(''));
    expect(strategy.client.publish('down', 'hello', { qos: 1 })).toBe(true);
    await until(() => got.length === 1);
    await strategy.close();
    expect(strategy.client.up).toBe(false);
    expect(strategy.unwrap<Mqtt>()).toBe(strategy.client);
  });

  it('refuses a pattern whose value is missing', async () => {
    const other = strategyFor('mqtt://127.0.0.1:1');
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(NowhereModule, {
      strategy: other,
      logger: false,
      abortOnError: false,
    });
    await expect(app.listen()).rejects.toThrow(/needs a value for \{nowhere\}; given are: cluster/);
    await app.close();
  });
});

describe('inbox', () => {
  const delivery = (name: string, qos: 0 | 1, bytes = 1): Delivery => ({
    topic: name,
    wild: [],
    payload: Buffer.alloc(bytes),
    retained: false,
    qos,
  });

  it('drops the oldest QoS 0 first, and QoS 1 only when there is nothing else', () => {
    const inbox = createInbox({ deliveriesMax: 2, bytesMax: 1_000 });
    inbox.push(delivery('a', 1));
    inbox.push(delivery('b', 0));
    inbox.push(delivery('c', 1));
    inbox.push(delivery('d', 1));
    expect(inbox.take().map(({ topic }) => topic)).toEqual(['c', 'd']);
    expect(inbox.dropped).toBe(2);
  });

  it('is bounded in bytes, and still takes a single large one', () => {
    const inbox = createInbox({ deliveriesMax: 10, bytesMax: 100 });
    inbox.push(delivery('a', 0, 60));
    inbox.push(delivery('b', 0, 60));
    inbox.push(delivery('c', 0, 500));
    expect(inbox.take().map(({ topic }) => topic)).toEqual(['c']);
  });
});
