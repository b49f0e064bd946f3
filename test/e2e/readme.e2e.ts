import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#actor';
import { Orrery, cli, kill } from './support/orrery.js';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const text = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
const orrery = new Orrery();
const children: ChildProcess[] = [];

beforeAll(async () => {
  await orrery.start();
}, 90_000);
afterAll(async () => {
  for (const child of children) kill(child.pid ?? 0);
  await orrery.remove();
}, 30_000);

const blocks = (language: string): string[] =>
  [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
    .filter(([, of]) => of === language)
    .map(([, , block]) => block ?? '');

/** As a person pastes it; only the place and the port are those of this test's Orrery. */
async function paste(block: string): Promise<{ code: number; out: string }> {
  const { port } = new URL(orrery.endpoint().graphql);
  const script = block
    .replaceAll('127.0.0.1:4000', `127.0.0.1:${port}`)
    .replaceAll('.orrery/admin.key', `'${orrery.home}/admin.key'`);
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: ROOT,
    env: orrery.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      out += bytes.toString();
    });
  }
  const code = await new Promise<number>((resolve) => child.on('close', (c) => resolve(c ?? 1)));
  return { code, out };
}

test('every shell block works when it is pasted', async () => {
  const [first = '', second = ''] = blocks('sh');
  expect(blocks('sh')).toHaveLength(2);
  const tried = await paste(first);
  expect([tried.code, tried.out]).toEqual([0, expect.stringContaining('hi')]);
  expect(tried.out).toContain('executor-1');
  const graphql = await paste(second);
  expect([graphql.code, graphql.out]).toEqual([0, expect.stringContaining('"replayed":true')]);
  expect(graphql.out).not.toContain('"message"');
}, 60_000);

test('the embedded executor is the file that it links to, and runs what it was given', async () => {
  const file = path.join(ROOT, 'examples', 'embedded-executor.mjs');
  expect(blocks('js')).toEqual([fs.readFileSync(file, 'utf8')]);
  const child = spawn(process.execPath, [file], {
    cwd: ROOT,
    env: {
      ...orrery.environment,
      MQTT_URL: orrery.endpoint().mqtt,
      EXECUTOR_DIRECTORY: path.join(orrery.home, 'reports-1'),
    },
    stdio: 'inherit',
  });
  children.push(child);
  const spec = JSON.stringify({ kind: 'function', name: 'greet' });
  expect((await cli(orrery, ['jobs', 'apply', 'greet', '--spec', spec])).err).toBe('');
  const words = ['submit', '--job', 'greet', '--params', '{"name":"Ada"}', '--wait'];
  const { code, out } = await cli(orrery, [...words, '--output', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ result: 'hello Ada' });
  child.kill('SIGTERM');
  await until(() => child.exitCode !== null, 5_000);
  expect(child.exitCode).toBe(0);
}, 60_000);

test('every link leads somewhere', () => {
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, to]) => to ?? '');
  expect(links.length).toBeGreaterThan(5);
  for (const link of links)
    expect([link, fs.existsSync(path.join(ROOT, link))]).toEqual([link, true]);
});
