import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '#actor';
import { BUSY_MACHINE } from './support/bars.js';
import { type Endpoint, Orrery, cli, isAlive } from './support/orrery.js';
import { submit } from './support/runs.js';

const orrery = new Orrery();
let endpoint: Endpoint;

beforeAll(async () => {
  endpoint = await orrery.start();
}, 90_000);
afterAll(async () => {
  await orrery.remove();
}, 30_000);

describe('from nothing to a run in one command', () => {
  test('endpoint.json names what runs', () => {
    const roles = new Set(endpoint.processes.map((process) => process.role));
    for (const role of ['postgres', 'broker', 'gateway', 'scheduler', 'executor']) {
      expect(roles).toContain(role);
    }
    for (const { pid } of endpoint.processes) expect(isAlive(pid)).toBe(true);
  });

  test('a shell run is waited for and printed with its log', async () => {
    const words = ['submit', '--shell', 'echo hi', '--wait', '--output', 'json'];
    const { code, out, err } = await cli(orrery, words);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ state: 'SUCCEEDED', log: 'hi\n' });
  }, 30_000);

  test('a run that fails exits with 1 and says why', async () => {
    const job = 'fails-at-once';
    const spec = JSON.stringify({ kind: 'shell', command: 'exit 3', retry: { maxAttempts: 1 } });
    expect((await cli(orrery, ['jobs', 'apply', job, '--spec', spec])).err).toBe('');
    const { code, err } = await cli(orrery, ['submit', '--job', job, '--wait']);
    expect(code).toBe(1);
    expect(err).toContain('DEAD');
  }, 30_000);

  test('flaky fails twice before it succeeds', async () => {
    const words = ['submit', '--job', 'flaky', '--wait', '--output', 'json'];
    const { code, out } = await cli(orrery, words);
    expect(code).toBe(0);
    const run = JSON.parse(out) as { attempts: { outcome: string }[] };
    expect(run.attempts.map((attempt) => attempt.outcome)).toEqual([
      'FAILED',
      'FAILED',
      'SUCCEEDED',
    ]);
  }, 30_000);

  test('an http run may ask the gateway, and nothing else of this machine', async () => {
    const words = ['submit', '--job', 'health-http', '--wait', '--output', 'json'];
    const { code, out } = await cli(orrery, words);
    expect(code).toBe(0);
    const run = JSON.parse(out) as { log: string };
    expect(run).toMatchObject({ state: 'SUCCEEDED' });
    expect(run.log).toMatch(/^GET http:\S+\/livez: 200 in \d+ ms\n$/);
    const job = 'asks-the-broker';
    const url = orrery.endpoint().mqtt.replace('mqtt:', 'http:');
    const spec = JSON.stringify({ kind: 'http', url, retry: { maxAttempts: 1 } });
    expect((await cli(orrery, ['jobs', 'apply', job, '--spec', spec])).err).toBe('');
    const refused = await cli(orrery, ['submit', '--job', job, '--wait', '--output', 'json']);
    expect(refused.code).toBe(1);
    expect(refused.out).toContain('HTTP_REFUSED');
  }, 30_000);

  test('a subscriber sees SUBMITTED, GRANTED, STARTED, FINISHED in order, once each', async () => {
    const client = orrery.client();
    const frames = client.subscribe<{
      runEvents: { cursor: string; events: { type: string; run: { id: string } }[] };
    }>(`subscription { runEvents(project: "demo") { cursor events { type run { id } } } }`);
    const first = await frames.next();
    expect(first.value?.runEvents.events).toEqual([]);
    const submitted = await client.request<{ submitRun: { run: { id: string } } }>(
      `mutation { submitRun(input: { project: "demo", job: "noop" }) { run { id } } }`,
    );
    if (!submitted.ok) throw new Error(JSON.stringify(submitted.errors));
    const { id } = submitted.value.submitRun.run;
    const seen: string[] = [];
    for await (const { runEvents } of frames) {
      for (const event of runEvents.events) if (event.run.id === id) seen.push(event.type);
      if (seen.includes('FINISHED')) break;
    }
    expect(seen).toEqual(['SUBMITTED', 'GRANTED', 'STARTED', 'FINISHED']);
    await client.close();
  }, 30_000);

  test('Ctrl-C ends it within 5 s, with 0, and no process is left', async () => {
    const pids = orrery.endpoint().processes.map((process) => process.pid);
    // What a job has started is a process as well.
    const file = path.join(orrery.home, 'job.pid');
    const client = orrery.client();
    await submit(client, {
      spec: { kind: 'shell', command: `echo $$ > '${file}'; exec sleep 600` },
    });
    await client.close();
    await until(() => fs.existsSync(file) && fs.readFileSync(file, 'utf8').endsWith('\n'), 10_000);
    pids.push(Number(fs.readFileSync(file, 'utf8')));
    const { code, ms } = await orrery.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(5_000);
    for (const pid of pids) expect(isAlive(pid)).toBe(false);
  }, 20_000);

  test('a second start is up within 5 s, with the same data', async () => {
    const began = performance.now();
    await orrery.start();
    expect(performance.now() - began).toBeLessThan(5_000 * BUSY_MACHINE);
    const { out } = await cli(orrery, ['runs', 'ls', '--output', 'json']);
    expect((JSON.parse(out) as unknown[]).length).toBeGreaterThanOrEqual(4);
  }, 60_000);
});
