import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeGateway, startFakeGateway } from '../../../../test/support/fake-gateway.js';

const MAIN = path.resolve(import.meta.dirname, '../../../../dist/apps/cli/src/main.js');
const projects = ['demo', 'data'].map((name) => ({ project: { name }, role: 'OPERATOR' }));
let fake: FakeGateway;
let home: string;

beforeEach(async () => {
  fake = await startFakeGateway();
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-test-'));
  fake.answer = ({ query }) =>
    query.includes('viewer')
      ? { data: { viewer: { name: 'ada', projects } } }
      : { data: { runs: { nodes: [] } } };
});
afterEach(async () => {
  await fake.stop();
  fs.rmSync(home, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
async function orrery(
  words: readonly string[],
  { input = '', env = {} }: { input?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const { PATH } = process.env;
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: home,
    env: { PATH, XDG_CONFIG_HOME: path.join(home, 'config'), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes) => (out += String(bytes)));
  child.stderr.on('data', (bytes) => (err += String(bytes)));
  child.stdin.on('error', () => undefined); // who reads no key ends before it is written
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}
const file = (): string => path.join(home, 'config', 'orrery', 'profiles.json');
const login = (words: readonly string[] = [], input = 'ork_secret\n'): Promise<Ended> =>
  orrery(['login', fake.url, '--output', 'json', ...words], { input });
/** By which key the runs were asked for, and of which project. */
async function asks(words: readonly string[], env = {}): Promise<unknown> {
  fake.asked.length = 0;
  const { err } = await orrery(['runs', 'ls', ...words], { env });
  const [asked] = fake.asked;
  return asked === undefined ? err : [asked.authorization, asked.variables['project']];
}

/** Some start a process eight times, on a machine that may be busy. */
const PROCESSES = { timeout: 60_000 };

describe('login', PROCESSES, () => {
  test('checks the key, keeps it for nobody else to read, and never shows it', async () => {
    const { code, out, err } = await login(['--project', 'data']);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({
      profile: 'default',
      url: fake.url,
      key: 'ada',
      projects: ['demo OPERATOR', 'data OPERATOR'],
      project: 'data',
      file: file(),
    });
    expect(out).not.toContain('ork_secret');
    expect(fake.asked[0]?.authorization).toBe('Bearer ork_secret');
    expect(fs.statSync(file()).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(file())).mode & 0o777).toBe(0o700);
    expect(await asks([])).toEqual(['Bearer ork_secret', 'data']);
    expect(await asks(['--project', 'x'])).toEqual(['Bearer ork_secret', 'x']);
  });

  test('keeps nothing of a key that is refused, empty, or may not see the project', async () => {
    fake.answer = () => ({
      errors: [{ message: 'No.', extensions: { code: 'UNAUTHENTICATED' } }],
    });
    expect(await login()).toMatchObject({
      code: 1,
      err: expect.stringContaining('this key is not valid at http') as string,
    });
    expect((await login([], '\n')).code).toBe(2);
    fake.answer = () => ({ data: { viewer: { name: 'ada', projects } } });
    expect((await login(['--project', 'other'])).err).toContain('may not see the project other');
    expect((await login(['--profile', '../x'])).code).toBe(2);
    expect((await orrery(['login', 'nowhere'])).code).toBe(2);
    expect(fs.existsSync(file())).toBe(false);
  });

  test('takes no key from the command line', async () => {
    const { code, err } = await login(['--key', 'ork_secret']);
    expect(code).toBe(2);
    expect(err).toContain("Unknown option '--key'. See 'orrery help login'.");
    expect(err).not.toContain('ork_secret');
  });

  test('an address without a path means /graphql', async () => {
    const { origin } = new URL(fake.url);
    const { out } = await orrery(['login', origin, '--output', 'json'], { input: 'k' });
    expect(JSON.parse(out)).toMatchObject({ url: fake.url });
  });
});

describe('whom to ask', PROCESSES, () => {
  test('the environment, a named profile, the home, the usual profile: in this order', async () => {
    await login([], 'usual');
    await login(['--profile', 'work', '--project', 'data'], 'of-work');
    expect(await asks([])).toEqual(['Bearer usual', 'demo']);
    expect(await asks(['--profile', 'work'])).toEqual(['Bearer of-work', 'data']);
    fs.mkdirSync(path.join(home, '.orrery'));
    fs.writeFileSync(path.join(home, 'admin.key'), 'of-home\n');
    const endpoint = { graphql: fake.url, adminKeyFile: path.join(home, 'admin.key') };
    fs.writeFileSync(path.join(home, '.orrery', 'endpoint.json'), JSON.stringify(endpoint));
    expect(await asks([])).toEqual(['Bearer of-home', 'demo']);
    expect(await asks(['--profile', 'work'])).toEqual(['Bearer of-work', 'data']);
    const env = { ORRERY_API_URL: fake.url, ORRERY_API_KEY: 'of-environment' };
    expect(await asks(['--profile', 'work'], env)).toEqual(['Bearer of-environment', 'demo']);
    const elsewhere = { ORRERY_API_URL: `${fake.url}?elsewhere` };
    expect(await asks([], elsewhere)).toEqual([undefined, 'demo']);
    const key = { ORRERY_API_KEY: 'of-environment' };
    expect(await asks(['--profile', 'work'], key)).toEqual(['Bearer of-environment', 'data']);
  });

  test('a profile that is not there is told with those that are', async () => {
    await login(['--profile', 'work']);
    expect(await asks(['--profile', 'wrok'])).toContain('no profile wrok (there are: work)');
  });
});

test('logout forgets one profile and leaves the others', PROCESSES, async () => {
  await login([], 'usual');
  await login(['--profile', 'work'], 'of-work');
  const { code } = await orrery(['logout', '--profile', 'work']);
  expect(code).toBe(0);
  expect(fs.readFileSync(file(), 'utf8')).not.toContain('of-work');
  expect(await asks([])).toEqual(['Bearer usual', 'demo']);
  expect((await orrery(['logout', '--profile', 'work'])).code).toBe(1);
});
