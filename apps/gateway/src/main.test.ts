import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, startTestDatabase } from '../../../test/support/database.js';

const MAIN = path.resolve('dist/apps/gateway/src/main.js');
const BOUND_MS = 15_000;

let database: TestDatabase;
let children: ChildProcess[] = [];
beforeAll(async () => {
  database = await startTestDatabase(4);
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
});
afterAll(() => database.stop());

function start(more: Record<string, string> = {}): ChildProcess {
  const env = {
    DATABASE_URL: database.url,
    MQTT_URL: 'mqtt://127.0.0.1:1',
    ORRERY_ENV: 'dev',
    ORRERY_PORT: '0',
    ...more,
  };
  const child = fork(MAIN, [], { env, stdio: 'pipe' });
  children.push(child);
  return child;
}

async function report(child: ChildProcess): Promise<Record<string, unknown>> {
  const signal = AbortSignal.timeout(BOUND_MS);
  const [message] = (await once(child, 'message', { signal })) as [Record<string, unknown>];
  return message;
}

describe('the process', () => {
  it('reports where it listens, is alive and ready, and ends within 2 s when told', async () => {
    const child = start();
    const { graphql, ws, ready } = await report(child);
    expect(ready).toBe(true);
    expect(ws).toBe(String(graphql).replace('http:', 'ws:'));
    const at = (name: string): Promise<Response> => fetch(new URL(`/${name}`, String(graphql)));
    expect((await at('livez')).status).toBe(200);
    const readyz = await at('readyz');
    expect(await readyz.json()).toEqual({ ready: true, database: true, broker: false });
    const page = await at('graphql');
    expect(await page.text()).toContain('<textarea');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const exited = once(child, 'exit');
    const from = performance.now();
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(performance.now() - from).toBeLessThan(2_000);
  });

  it('ends with who started it', async () => {
    const child = start();
    await report(child);
    const exited = once(child, 'exit');
    child.disconnect();
    expect(await exited).toEqual([0, null]);
  });

  it('says in one sentence that its port is taken', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const child = start({ ORRERY_PORT: String(port) });
    const exited = once(child, 'exit');
    const said = await report(child);
    expect(said['problem']).toMatch(new RegExp(`^Port ${port} on 127.0.0.1 is taken: .*\\.$`));
    expect(await exited).toEqual([1, null]);
    server.close();
  });

  it.each([
    [{ DATABASE_URL: '' }, /^Set DATABASE_URL/],
    [{ MQTT_URL: '' }, /^Set MQTT_URL/],
    [{ DATABASE_URL: 'postgres://127.0.0.1:1/x' }, /^The gateway cannot start: /],
    [{ ORRERY_PORTT: '1' }, /did you mean ORRERY_PORT\?/],
  ])('says what is missing: %j', async (more, sentence) => {
    const child = start(more as Record<string, string>);
    const exited = once(child, 'exit');
    expect((await report(child))['problem']).toMatch(sentence);
    expect(await exited).toEqual([1, null]);
  });

  it('shows no page in production', async () => {
    const child = start({ ORRERY_ENV: 'production' });
    const { graphql } = await report(child);
    expect((await fetch(String(graphql))).status).toBe(404);
  });
});
