import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FakeGateway, startFakeGateway } from '../../../test/support/fake-gateway.js';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const MAIN = path.join(ROOT, 'dist/apps/cli/src/main.js');
const RUN = '01900000-0000-7000-8000-000000000001';
const ESCAPE = '\u001b';

let fake: FakeGateway;
let home: string;

beforeAll(async () => {
  fake = await startFakeGateway();
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-test-'));
});
afterAll(async () => {
  await fake.stop();
  fs.rmSync(home, { recursive: true });
});
beforeEach(() => {
  fake.asked.length = 0;
  fake.answer = () => ({ data: null });
  fake.heard = () => undefined;
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command as a person starts it, with its output in a pipe. */
async function orrery(
  words: readonly string[],
  url: string | undefined = fake.url,
): Promise<Ended> {
  const { PATH } = process.env;
  const api = url === '' ? {} : { ORRERY_API_URL: url, ORRERY_API_KEY: 'the-key' };
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: home,
    env: { PATH, ORRERY_HOME: path.join(home, 'none'), ...api },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes) => (out += String(bytes)));
  child.stderr.on('data', (bytes) => (err += String(bytes)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

function ends(state: string): void {
  const log = { text: 'written\n', pageInfo: { endCursor: null, hasNextPage: false } };
  const run = { id: RUN, state, reason: null, log };
  const submitRun = { replayed: false, run: { id: RUN, state: 'READY' }, userErrors: [] };
  fake.answer = ({ query }) => ({ data: query.includes('submitRun') ? { submitRun } : { run } });
  fake.heard = (subscribed) => subscribed.next({ data: { runChanged: run } });
}

describe('the orrery command', () => {
  test.each([
    ['SUCCEEDED', 0],
    ['DEAD', 1],
  ])('submit --wait of a run that ends %s exits with %i, without colours', async (state, code) => {
    ends(state);
    const ended = await orrery(['submit', '--shell', 'x', '--wait', '--output', 'json']);
    expect(ended.code).toBe(code);
    expect(JSON.parse(ended.out)).toMatchObject({ state, log: 'written\n' });
    expect(ended.err).toBe('');
    expect(fake.asked[0]?.authorization).toBe('Bearer the-key');
  });

  test('in a pipe writes no escape at all', async () => {
    ends('DEAD');
    const { out, err } = await orrery(['submit', '--shell', 'x', '--wait']);
    expect([out, err]).toEqual(['written\n', 'DEAD\n']);
    expect((await orrery(['help'])).out).not.toContain(ESCAPE);
  });

  test.each([
    [['runs', 'lss'], "There is no command 'runs lss'. Did you mean 'runs ls'?"],
    [['runs', 'ls', '--output', 'xml'], "--output is table, json or ndjson, not 'xml'."],
    [['runs', 'ls', 'x'], "'runs ls' takes no further words"],
    [['runs', 'get'], "'runs get' takes ID"],
    [['runs', 'ls', '--stat', 'DEAD'], "Unknown option '--stat'"],
    [['dev', '--executors', '0'], '--executors is a number from 1 to 32.'],
  ])('%j is a mistake of who typed it: exit code 2, one sentence', async (words, sentence) => {
    const { code, out, err } = await orrery(words);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(sentence);
    expect(err).not.toContain('    at ');
    expect(fake.asked).toEqual([]);
  });

  test('without a server to ask says what to do, exit code 1', async () => {
    const { code, out, err } = await orrery(['runs', 'ls'], '');
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain("start it with 'npm start'");
  });

  test('with a server that is gone says where it looked, exit code 1', async () => {
    const gone = await startFakeGateway();
    await gone.stop();
    const { code, out, err } = await orrery(['runs', 'ls'], gone.url);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`Nothing answers at ${gone.url}`);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  test('helps: all commands, and one with an example', async () => {
    const all = await orrery([]);
    expect(all.code).toBe(0);
    for (const name of ['dev', 'migrate', 'submit', 'runs watch', 'query']) {
      expect(all.out).toContain(`  ${name}`);
    }
    const one = await orrery(['submit', '--help']);
    expect(one.code).toBe(0);
    expect(one.out).toContain('Example\n  orrery submit');
  });
});
