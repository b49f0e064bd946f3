import { type ChildProcess, spawn } from 'node:child_process';
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
  begun: (child: ChildProcess) => void = () => undefined,
): Promise<Ended> {
  const { PATH } = process.env;
  const api = url === '' ? {} : { ORRERY_API_URL: url, ORRERY_API_KEY: 'the-key' };
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: home,
    env: { PATH, ORRERY_HOME: path.join(home, 'none'), ...api },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  begun(child);
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes) => (out += String(bytes)));
  child.stderr.on('data', (bytes) => (err += String(bytes)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

function ends(state: string): void {
  const nodes = [{ attempt: 1, text: 'written\n', gapBytes: null }];
  const log = { nodes, pageInfo: { endCursor: null, hasNextPage: false } };
  const run = { attempts: [], id: RUN, state, reason: null, reusedFrom: null, log };
  const submitRun = { replayed: false, run: { id: RUN, state: 'READY' }, userErrors: [] };
  fake.answer = ({ query }) => ({ data: query.includes('submitRun') ? { submitRun } : { run } });
  const events = { nodes: [] };
  const runChanged = { ...run, submittedAt: '2030-01-01T00:00:00.000Z', events };
  fake.heard = (subscribed) => subscribed.next({ data: { runChanged } });
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
    expect([out, err]).toEqual(['written\n', `run ${RUN}\nrun ${RUN} DEAD\n`]);
    expect((await orrery(['help'])).out).not.toContain(ESCAPE);
  });

  test.each([
    [['runs', 'lss'], "There is no command 'runs lss'. Did you mean 'runs ls'?"],
    [['runs', 'ls', '--output', 'xml'], "--output is table, json or ndjson, not 'xml'."],
    [['runs', 'ls', 'x'], "'runs ls' takes no further words"],
    [['runs', 'get'], "'runs get' takes ID"],
    [
      ['runs', 'ls', '--stat', 'DEAD'],
      "Unknown option '--stat'. Did you mean '--state'? See 'orrery help runs ls'.",
    ],
    [['runs', 'ls', '--zzzzzz'], "Unknown option '--zzzzzz'. See 'orrery help runs ls'."],
    [['completoin', 'bash'], "Did you mean 'completion'?"],
    [['explain', 'x'], "Did you mean 'runs explain'?"],
    [['help', 'expalin'], "Did you mean 'runs explain'?"],
    [['pause', 'x'], "Did you mean 'runs pause' or 'jobs pause'?"],
    [['bulk', 'gett'], "Did you mean 'bulk get'?"],
    [['init'], "'init' takes FOLDER"],
    [['dev', '--executors', '2', '--executors=3'], '--executors is given twice, and takes one'],
    [['runs', 'ls', '--output', 'table', '--output', 'table'], '--output is given twice'],
    [['runs', 'ls', '--limit', 'abc'], "--limit is a whole number from 1 to 200, not 'abc'."],
    [['runs', 'ls', '--limit', ''], "--limit is a whole number from 1 to 200, not ''."],
    [['runs', 'ls', '--limit', '2.5'], "--limit is a whole number from 1 to 200, not '2.5'."],
    [['runs', 'ls', '--limit', '1000'], "--limit is a whole number from 1 to 200, not '1000'."],
    [['submit', '--job', 'a', '--priority', '11'], '--priority is a whole number from 1 to 10'],
    [['--stat', 'runs', 'ls'], "Unknown option '--stat'"],
    [['--output', 'json'], 'Say which command'],
    [['migrate', 'x'], "'migrate' takes no further words"],
    [['dev', '--executors', '0'], '--executors is a whole number from 1 to 32'],
  ])('%j is a mistake of who typed it: exit code 2, one sentence', async (words, sentence) => {
    const { code, out, err } = await orrery(words);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(sentence);
    expect(err).not.toContain('    at ');
    expect(fake.asked).toEqual([]);
  });

  test('what was typed wrong is said even when nothing runs', async () => {
    const { code, err } = await orrery(['submit', '--job', 'a', '--priority', 'high'], '');
    expect([code, err]).toEqual([2, "--priority is a whole number from 1 to 10, not 'high'.\n"]);
  });

  test('a file that is not there is no mistake of usage: exit code 1', async () => {
    const { code, err } = await orrery(['jobs', 'apply', 'a', '--file', '/nowhere/a.json']);
    expect(code).toBe(1);
    expect(err).toContain('The file /nowhere/a.json cannot be read');
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

  test.each<readonly [readonly string[], number, object]>([
    [['runs', 'ls', '--output=json', '--state', 'x'], 2, { code: 'USAGE' }],
    [['runs', 'lss', '--output', 'ndjson'], 2, { code: 'USAGE' }],
    [['runs', 'get', RUN, '--output', 'json', '--zzz'], 2, { code: 'USAGE' }],
    [
      ['runs', 'get', RUN, '--output', 'json'],
      1,
      { code: 'FORBIDDEN', message: 'No.', path: ['run'], hint: /key/ },
    ],
    [['runs', 'resume', RUN, '--output', 'json'], 1, { code: 'RUN_FINAL', hint: /runs retry/ }],
  ])('%j: what goes wrong is one object of JSON, exit code %i', async (words, exit, told) => {
    const hint = 'To run it again: retryRun.';
    const refusal = { code: 'RUN_FINAL', path: ['id'], message: 'It is DEAD.', hint };
    const forbidden = { message: 'No.', path: ['run'], extensions: { code: 'FORBIDDEN' } };
    fake.answer = ({ query }) =>
      query.includes('resumeRun')
        ? { data: { resumeRun: { run: null, pending: false, userErrors: [refusal] } } }
        : { data: null, errors: [forbidden] };
    const { code, out, err } = await orrery(words);
    expect([code, out, err.trimEnd().split('\n').length]).toEqual([exit, '', 1]);
    const { error } = JSON.parse(err) as { error: Readonly<Record<string, unknown>> };
    expect(error['message']).toEqual(expect.any(String));
    for (const [name, value] of Object.entries(told)) {
      if (value instanceof RegExp) expect(error[name]).toMatch(value);
      else expect(error[name]).toEqual(value);
    }
  });

  test('several errors are told to a program one by one', async () => {
    const bad = { code: 'BAD', path: ['params', 'a'], message: 'No.', hint: null };
    const userErrors = [bad, { ...bad, path: ['params', 'b'] }];
    fake.answer = () => ({ data: { submitRun: { replayed: false, run: null, userErrors } } });
    const { err } = await orrery(['submit', '--job', 'a', '--output', 'json']);
    const { error, errors } = JSON.parse(err) as { error: object; errors: object[] };
    expect(error).toEqual({ code: 'BAD', message: 'No.', path: ['params', 'a'] });
    expect(errors).toEqual([error, { ...error, path: ['params', 'b'] }]);
    const person = await orrery(['submit', '--job', 'a']);
    expect(person.err).toBe('--params a: No. (BAD)\n--params b: No. (BAD)\n');
  });

  test('a submission that meets trouble says so once, and is sent again', async () => {
    ends('READY');
    const { answer } = fake;
    const away = { message: 'The database is away.', extensions: { code: 'UNAVAILABLE' } };
    fake.answer = (asked) => (fake.asked.length < 3 ? { errors: [away] } : answer(asked));
    const { code, err } = await orrery(['submit', '--shell', 'x', '--output', 'json']);
    const notice = 'The database is away. (It is tried again for ten seconds.)';
    expect([code, JSON.parse(err)]).toEqual([0, { notice }]);
    const keys = fake.asked.map(({ variables }) => variables['input']);
    expect(keys).toEqual([keys[0], keys[0], keys[0]]);
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
    expect(await orrery(['help', 'submit'])).toEqual(one);
  });

  test.each([
    ['dev', ['--schedulers N', '--executors N']],
    ['migrate', ['DATABASE_URL']],
    ['submit', ['--params JSON', '--priority 1-10', '--at TIME', '--after DURATION']],
    ['submit', ['--start-deadline DURATION', '--idempotency-key KEY', '--wait']],
  ])('%s --help does nothing but tell %j', async (name, told) => {
    for (const words of [
      [name, '--help'],
      ['-h', name],
    ]) {
      const { code, out, err } = await orrery(words, '');
      expect([code, err]).toEqual([0, '']);
      for (const each of told) expect(out).toContain(each);
    }
    expect(fs.existsSync(path.join(home, 'none'))).toBe(false);
  });

  test('tells its version', async () => {
    const manifest = fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    expect(await orrery(['--version'], '')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  test.each([
    [['runs'], ['runs ls', 'runs watch', 'runs cancel']],
    [
      ['runs', '--help'],
      ['runs ls', 'runs logs'],
    ],
    [['jobs'], ['jobs apply', 'jobs ls', 'jobs get']],
  ])('%j lists what there is', async (words, names) => {
    const { code, out, err } = await orrery(words, '');
    expect([code, err]).toEqual([0, '']);
    for (const name of names) expect(out).toContain(`  ${name}`);
    expect(out).not.toContain('  submit');
  });

  test.each([
    [['--output', 'json', 'runs', 'ls']],
    [['--output=json', '--limit', '3', 'runs', 'ls']],
    [['runs', '--output', 'json', 'ls']],
  ])('%j: options may stand before the command', async (words) => {
    fake.answer = () => ({ data: { runs: { nodes: [] } } });
    expect(await orrery(words)).toEqual({ code: 0, out: '[]\n', err: '' });
  });

  test('Ctrl-C while waiting says that the run goes on, and how to reach it', async () => {
    ends('RUNNING');
    const words = ['submit', '--shell', 'x', '--wait'];
    const { code, out, err } = await orrery(words, fake.url, (child) => {
      fake.heard = () => void child.kill('SIGINT');
    });
    expect([code, out]).toEqual([130, '']);
    expect(err.startsWith(`run ${RUN}\n`)).toBe(true);
    expect(err).toContain(`npx orrery runs wait ${RUN}`);
    expect(err).toContain(`npx orrery runs cancel ${RUN}`);
  });

  test('Ctrl-C ends what follows a log, quietly', async () => {
    const { code, out, err } = await orrery(['runs', 'logs', RUN, '-f'], fake.url, (child) => {
      fake.heard = (subscribed) => {
        const runLog = { cursor: '1', attempt: 1, text: 'one\n', gapBytes: null };
        subscribed.next({ data: { runLog } });
        child.stdout?.once('data', () => child.kill('SIGINT'));
      };
    });
    expect([code, out, err]).toEqual([130, 'one\n', '']);
  });
});
