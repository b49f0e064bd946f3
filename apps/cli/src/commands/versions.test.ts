import { parseArgs } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '#client';
import { loadSettings } from '#config';
import { type FakeGateway, startFakeGateway } from '../../../../test/support/fake-gateway.js';
import type { OutputFormat } from '../output/render.js';
import type { Values } from './command.js';
import { versions } from './versions.js';

let fake: FakeGateway;
let client: Client;
let out = '';

beforeEach(async () => {
  fake = await startFakeGateway();
  client = createClient({ url: fake.url });
  out = '';
});
afterEach(async () => {
  await client.close();
  await fake.stop();
});

/** As main.ts calls it, without its process. */
async function run(line: string, format: OutputFormat = 'table'): Promise<number> {
  const command = versions.find(({ name }) => line.startsWith(`${name} `));
  const loaded = loadSettings();
  if (command === undefined || !loaded.ok) throw new Error(`no command in ${line}`);
  const args = line.split(' ').slice(2);
  const { options } = command;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const terminal = {
    out: (text: string) => (out += text),
    err: () => undefined,
    isTerminal: false,
  };
  const { settings } = loaded;
  const context = { settings, terminal, format, project: 'demo', client };
  return await command.run(context, values as Values, positionals);
}
const lines = (): string[] => out.split('\n').filter((line) => line !== '');

describe('jobs rollback', () => {
  test('asks for the version and shows what it became', async () => {
    const job = { name: 'nightly', version: 5 };
    fake.answer = () => ({ data: { rollbackJob: { changed: true, job, userErrors: [] } } });
    expect(await run('jobs rollback nightly --to 3', 'ndjson')).toBe(0);
    expect(fake.asked[0]?.variables).toEqual({
      input: { project: 'demo', name: 'nightly', toVersion: 3 },
    });
    expect(JSON.parse(out)).toEqual({ ...job, changed: true });
  });

  test('with what is no version asks nobody', async () => {
    await expect(run('jobs rollback nightly --to x')).rejects.toThrow('--to is a whole number');
    expect(fake.asked).toEqual([]);
  });

  test('tells why it was refused', async () => {
    const message = 'Job nightly has no version 9: its newest is 4.';
    const userErrors = [{ code: 'NOT_FOUND', path: ['toVersion'], message, hint: null }];
    fake.answer = () => ({ data: { rollbackJob: { changed: false, job: null, userErrors } } });
    await expect(run('jobs rollback nightly --to 9')).rejects.toThrow(
      `--to: ${message} (NOT_FOUND)`,
    );
  });
});

test('jobs delete tells why, and shows when', async () => {
  const job = { name: 'nightly', version: 5, deletedAt: '2026-01-01T00:00:00.000Z' };
  fake.answer = () => ({ data: { deleteJob: { job, userErrors: [] } } });
  expect(await run('jobs delete nightly --reason unused', 'json')).toBe(0);
  expect(fake.asked[0]?.variables).toEqual({
    input: { project: 'demo', name: 'nightly', reason: 'unused' },
  });
  expect(JSON.parse(out)).toEqual(job);
});

describe('jobs diff', () => {
  const specs = [
    { kind: 'shell', command: 'a', timeout: '5s' },
    { kind: 'shell', command: 'b', retry: { maxAttempts: 2 } },
    { kind: 'shell', command: 'c' },
  ];
  beforeEach(() => {
    // Two pages, the newest first.
    fake.answer = ({ variables }) => {
      const all = specs.map((spec, i) => ({ version: i + 1, spec })).toReversed();
      const isFirst = variables['after'] === null;
      const nodes = isFirst ? all.slice(0, 2) : all.slice(2);
      const pageInfo = { hasNextPage: isFirst, endCursor: isFirst ? 'more' : null };
      return { data: { job: { versions: { nodes, pageInfo } } } };
    };
  });

  test('shows the paths that changed, from the older to the newer', async () => {
    expect(await run('jobs diff nightly --from 1 --to 2')).toBe(0);
    expect(lines()).toEqual([
      'PATH     FROM  TO',
      'command  "a"   "b"',
      'timeout  "5s"  -',
      'retry    -     {"maxAttempts":2}',
    ]);
    expect(fake.asked).toHaveLength(2);
  });

  test('reads no further than it must, and as JSON leaves out what is not there', async () => {
    await run('jobs diff nightly --from 3 --to 2', 'json');
    expect(fake.asked).toHaveLength(1);
    expect(JSON.parse(out)).toEqual([
      { path: 'command', from: 'c', to: 'b' },
      { path: 'retry', to: { maxAttempts: 2 } },
    ]);
  });

  test('of a version with itself has nothing to show', async () => {
    await run('jobs diff nightly --from 2 --to 2');
    expect(out).toBe('nothing to show\n');
  });

  test('names the version or the job that is not there', async () => {
    await expect(run('jobs diff nightly --from 1 --to 4')).rejects.toThrow('has no version 4');
    fake.answer = () => ({ data: { job: null } });
    await expect(run('jobs diff nightly --from 1 --to 2')).rejects.toThrow('does not exist');
  });
});
