import { fileURLToPath } from 'node:url';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until, workerUrl } from '#actor';
import { type Broker, createBroker } from '#broker';
import { type Mqtt, createMqtt } from '#mqtt';
import {
  type ExecutorBirth,
  decodeExecutorPresence,
  downCodec,
  encodeEnvelope,
  topicsOf,
} from '#protocol';
import { flaky, noop } from './handlers/demo.js';

const BOUND_MS = 8_000;
const MAIN = fileURLToPath(workerUrl(import.meta.url, './main'));
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const topics = topicsOf('test');

let broker: Broker;
let mqtt: Mqtt;
let directory: string;
let births: ExecutorBirth[];
let child: ChildProcess | undefined;

beforeEach(async () => {
  broker = createBroker({ log: silent });
  const { url } = await broker.start();
  directory = mkdtempSync(path.join(tmpdir(), 'orrery-daemon-'));
  births = [];
  mqtt = createMqtt({ url, clientId: 'owner', log: silent });
  mqtt.subscribe(topics.executorPresence('executor-9'), (_topic, payload) => {
    const birth = decodeExecutorPresence(payload);
    if (birth?.state !== 'birth') return;
    births.push(birth);
    const items = [{ kind: 'welcome', cluster: 'c', incarnation: 3 } as const];
    const envelope = { sender: 't', session: birth.session, items };
    mqtt.publish(topics.down('executor-9'), encodeEnvelope(downCodec, envelope));
  });
  await mqtt.start();
  await until(() => mqtt.up, BOUND_MS);
});

afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await mqtt.stop();
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function daemon(more: Record<string, string> = {}): Promise<ChildProcess> {
  const { url } = await broker.start();
  const env = {
    ...{ MQTT_URL: url, ORRERY_CLUSTER: 'test', ORRERY_EXECUTOR_ID: 'executor-9' },
    ...{ ORRERY_EXECUTOR_DIRECTORY: directory, ORRERY_LOG_LEVEL: 'error', ORRERY_ENV: 'dev' },
    ...more,
  };
  child = fork(MAIN, [], { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  return child;
}

const first = async (from: ChildProcess, event: string): Promise<unknown> => {
  const [value] = (await once(from, event, { signal: AbortSignal.timeout(BOUND_MS) })) as unknown[];
  return value;
};

describe('the executor daemon', () => {
  it('is ready once it is welcomed, serves the demo handlers, and ends on SIGTERM', async () => {
    const process = await daemon({ ORRERY_EXECUTOR_LABELS: 'region=eu' });
    expect(await first(process, 'message')).toMatchObject({ ready: true });
    expect(births.at(-1)).toMatchObject({
      ...{ incarnation: 3, slots: 10, pool: 'default', labels: { region: 'eu' } },
      capabilities: ['shell', 'http', 'function:noop', 'function:flaky'],
    });
    process.kill('SIGTERM');
    expect(await first(process, 'exit')).toBe(0);
  });

  it('has no demo handlers in production, and ends with its parent', async () => {
    const process = await daemon({ ORRERY_ENV: 'production' });
    await first(process, 'message');
    expect(births.at(-1)?.capabilities).toEqual(['shell', 'http']);
    process.disconnect();
    expect(await first(process, 'exit')).toBe(0);
  });

  it('says what is wrong with its settings, all of it', async () => {
    const process = await daemon({ ORRERY_EXECUTOR_SLOTS: '0', ORRERY_BEAT: 'often' });
    const exit = first(process, 'exit');
    const said = (await first(process, 'message')) as { readonly problem: string };
    expect(said).toMatchObject({ ready: false });
    expect(said.problem).toMatch(/ORRERY_EXECUTOR_SLOTS[^]*ORRERY_BEAT/);
    expect(await exit).toBe(1);
  });
});

describe('what http jobs are allowed', () => {
  it('is refused by name when it means nothing', async () => {
    const process = await daemon({ ORRERY_HTTP_ALLOW: '127.0.0.1:80,10.0.0.0/99' });
    const exit = first(process, 'exit');
    const said = (await first(process, 'message')) as { readonly problem: string };
    expect(said).toMatchObject({ ready: false });
    expect(said.problem).toContain('"10.0.0.0/99"');
    expect(await exit).toBe(1);
  });
});

describe('the demo handlers', () => {
  it('do nothing, and fail twice', () => {
    expect(noop()).toBeNull();
    const context = (attempt: number) => ({
      ...{ attempt, runId: 'r', job: 'j', project: 'p', signal: new AbortController().signal },
      ...{ log: () => {}, progress: () => {} },
    });
    expect(() => flaky({}, context(1))).toThrow('attempt 1');
    expect(() => flaky({}, context(2))).toThrow('attempt 2');
    expect(flaky({ a: 1 }, context(3))).toEqual({ attempt: 3, params: { a: 1 } });
  });
});
