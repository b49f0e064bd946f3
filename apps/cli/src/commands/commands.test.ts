import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '#client';
import { loadSettings } from '#config';
import {
  type Asked,
  type FakeGateway,
  startFakeGateway,
} from '../../../../test/support/fake-gateway.js';
import { type Context } from '../context.js';
import type { OutputFormat } from '../output/render.js';
import type { Values } from './command.js';
import { commands } from './table.js';

const RUN = '01900000-0000-7000-8000-000000000001';
const ESCAPE = '\u001b';
let fake: FakeGateway;
let client: Client;
let [out, err] = ['', ''];

beforeEach(async () => {
  fake = await startFakeGateway();
  client = createClient({ url: fake.url });
  [out, err] = ['', ''];
});
afterEach(async () => {
  await client.close();
  await fake.stop();
});

/** As main.ts calls it, without its process. */
async function run(
  words: readonly string[],
  format: OutputFormat = 'table',
  isTerminal = false,
): Promise<number> {
  const command = commands.find(({ name }) => `${words.join(' ')} `.startsWith(`${name} `));
  if (command === undefined) throw new Error(`no command in ${words.join(' ')}`);
  const loaded = loadSettings();
  if (!loaded.ok) throw new Error(loaded.problems.join());
  const { values, positionals } = parseArgs({
    args: words.slice(command.name.split(' ').length),
    options: command.options,
    allowPositionals: true,
  });
  const context: Context = {
    settings: loaded.settings,
    terminal: { out: (text) => (out += text), err: (text) => (err += text), isTerminal },
    format,
    project: 'demo',
    client,
  };
  return await command.run(context, values as Values, positionals);
}

/** By the first field of what was asked. */
function answers(given: Readonly<Record<string, unknown>>): void {
  fake.answer = ({ query }: Asked) => {
    const field = Object.keys(given).find((name) => new RegExp(`\\{\\s*${name}\\b`).test(query));
    return { data: field === undefined ? null : { [field]: given[field] } };
  };
}
const lines = (): string[] => out.split('\n').filter((line) => line !== '');
const input = (): unknown => fake.asked[0]?.variables['input'];

const listed = (id: string, state: string, reason: string | null) => ({
  id,
  state,
  job: { name: 'nightly' },
  kind: 'SHELL',
  priority: 5,
  submittedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: null,
  reason,
});

/** A run's log, a page an answer. */
const logOf =
  (...pages: readonly string[]) =>
  ({ variables }: Asked): object => {
    const at = Number(variables['after'] ?? 0);
    const pageInfo = { endCursor: String(at + 1), hasNextPage: at + 1 < pages.length };
    const nodes = [{ attempt: 1, text: pages[at], gapBytes: null }];
    return { data: { run: { attempts: [], log: { nodes, pageInfo } } } };
  };

describe('a list', () => {
  const nodes = [listed('a', 'RUNNING', null), listed('bbb', 'DEAD', 'exit 3')];
  beforeEach(() => answers({ runs: { nodes } }));

  test('as a table has a title, columns that stand below each other, no colour', async () => {
    expect(await run(['runs', 'ls'])).toBe(0);
    expect(out).toBe(
      [
        'ID   STATE    JOB      PRIORITY  SUBMITTED                 REASON',
        'a    RUNNING  nightly  5         2026-01-01T00:00:00.000Z',
        'bbb  DEAD     nightly  5         2026-01-01T00:00:00.000Z  exit 3',
        '',
      ].join('\n'),
    );
  });

  test('as JSON is one array with everything', async () => {
    await run(['runs', 'ls'], 'json');
    expect(JSON.parse(out)).toEqual(nodes);
  });

  test('as NDJSON is one object a line', async () => {
    await run(['runs', 'ls'], 'ndjson');
    expect(lines().map((line) => JSON.parse(line) as unknown)).toEqual(nodes);
  });

  test('of nothing says so to a person and nothing to a program', async () => {
    answers({ runs: { nodes: [] } });
    await run(['runs', 'ls']);
    expect(out).toBe('nothing to show\n');
    out = '';
    await run(['runs', 'ls'], 'ndjson');
    expect(out).toBe('');
    await run(['runs', 'ls'], 'json');
    expect(JSON.parse(out)).toEqual([]);
  });

  test('asks for what was asked', async () => {
    await run(['runs', 'ls', '--state', 'dead,expired', '--job', 'nightly', '--limit', '7']);
    await run(['runs', 'ls']);
    expect(fake.asked.map(({ variables }) => variables)).toEqual([
      { project: 'demo', filter: { states: ['DEAD', 'EXPIRED'], jobs: ['nightly'] }, first: 7 },
      { project: 'demo', filter: {}, first: 20 },
    ]);
  });

  test('shows no control character of a name to a terminal', async () => {
    answers({ runs: { nodes: [listed(`a${ESCAPE}[31m`, 'DEAD', 'two\nlines\u007f')] } });
    await run(['runs', 'ls'], 'table', true);
    expect(out).toContain('a?[31m');
    expect(out).toContain('two?lines?');
    expect(out).not.toContain(ESCAPE);
  });

  test('of jobs and of executors', async () => {
    const jobs = [{ name: 'nightly', version: 2, paused: true, spec: { kind: 'shell' } }];
    const pool = { name: 'default' };
    const executors = [{ id: 'x', state: 'ACTIVE', pool, slots: 4, busy: 1, since: null }];
    answers({ jobs: { nodes: jobs }, executors: { nodes: executors } });
    await run(['jobs', 'ls']);
    await run(['executors', 'ls']);
    expect(lines().map((line) => line.split(/ {2,}/))).toEqual([
      ['NAME', 'KIND', 'VERSION', 'PAUSED'],
      ['nightly', 'shell', '2', 'yes'],
      ['ID', 'STATE', 'POOL', 'SLOTS', 'BUSY', 'SINCE', 'WHY'],
      ['x', 'ACTIVE', 'default', '4', '1', '-', '-'],
    ]);
  });
});

describe('one thing', () => {
  test.each([['json'], ['ndjson']] as const)('as %s is one object', async (format) => {
    const one = { id: RUN, state: 'DEAD', reason: null, job: null, waitingFor: [] };
    answers({ run: one });
    expect(await run(['runs', 'get', RUN], format)).toBe(0);
    expect(JSON.parse(out)).toEqual(one);
    expect(lines().length).toBe(format === 'ndjson' ? 1 : 7);
  });

  test('as a table leaves out what is not there', async () => {
    answers({ run: { id: RUN, state: 'DEAD', job: null, waitingFor: [], retries: [] } });
    await run(['runs', 'get', RUN]);
    expect(lines()).toEqual([`id     ${RUN}`, 'state  DEAD']);
  });

  test.each([
    [['runs', 'get', RUN], { run: null }, `Run ${RUN}`],
    [['runs', 'logs', RUN], { run: null }, `Run ${RUN}`],
    [['jobs', 'get', 'x'], { job: null }, 'Job x in demo'],
    [['jobs', 'values', 'x'], { job: null }, 'Job x in demo'],
    [['runs', 'explain', RUN], { run: null }, `Run ${RUN}`],
    [['bulk', 'get', 'b'], { bulk: null }, 'Action on many runs b'],
  ])('%j that is not there is a sentence and exit code 1', async (words, given, what) => {
    answers(given);
    const message = `${what} does not exist, or this key may not see it.`;
    const hint = 'Check the name or id, and that the key may see its project.';
    const told = { code: 'NOT_FOUND', message, hint };
    await expect(run(words)).rejects.toMatchObject({ errors: [told], exitCode: 1 });
  });

  test('a log is what the run wrote, and an object for a program', async () => {
    fake.answer = logOf('one\ntwo\n');
    await run(['runs', 'logs', RUN]);
    expect(out).toBe('one\ntwo\n');
    out = '';
    await run(['runs', 'logs', RUN], 'ndjson');
    const text = 'one\ntwo\n';
    expect(JSON.parse(out)).toEqual({ id: RUN, text, attempts: [{ number: 1, text }] });
  });

  test('a log of many pages is printed to its end', async () => {
    fake.answer = logOf('one\n', 'two\n', 'three\n');
    await run(['runs', 'logs', RUN]);
    expect(out).toBe('one\ntwo\nthree\n');
    expect(fake.asked.map(({ variables }) => variables['after'])).toEqual([null, '1', '2']);
  });

  test('what a log says steers no terminal; a pipe gets it as it is', async () => {
    const text = 'a\tb\r\n\u001b[31mred\u001b[0m\u001b]0;title\u0007\u009b2J\n';
    fake.answer = logOf(text);
    await run(['runs', 'logs', RUN]);
    expect(out).toBe(text);
    out = '';
    await run(['runs', 'logs', RUN], 'table', true);
    expect(out).toBe('a\tb\nred?]0;title??2J\n');
  });

  test('an answer of errors is one sentence each, and when to try again', async () => {
    const extensions = { code: 'OVERLOADED', retryAfter: 'PT2S' };
    fake.answer = () => ({ errors: [{ message: 'Too much.', extensions }, { message: 'And.' }] });
    await expect(run(['runs', 'ls'])).rejects.toMatchObject({
      message: 'Too much. (OVERLOADED) Try again in PT2S.\nAnd. (GRAPHQL)',
    });
  });
});

describe('a change', () => {
  test('submits what was said', async () => {
    answers({ submitRun: { replayed: true, run: { id: RUN, state: 'READY' }, userErrors: [] } });
    const words = ['--params', '{"n":1}', '--priority', '2', '--after', '5s'];
    const key = ['--idempotency-key', 'k'];
    expect(await run(['submit', '--job', 'nightly', ...words, ...key], 'json')).toBe(0);
    expect(input()).toEqual({
      project: 'demo',
      job: 'nightly',
      params: { n: 1 },
      priority: 2,
      after: '5s',
      idempotencyKey: 'k',
    });
    expect(JSON.parse(out)).toEqual({ id: RUN, state: 'READY', replayed: true });
  });

  test.each([
    [['submit'], 'Say what to run'],
    [['submit', '--job', 'a', '--shell', 'b'], 'Both --job and --shell are given: give one'],
    [['submit', '--job', 'a', '--params', '{'], '--params is not JSON'],
    [['submit', '--job', 'a', '--priority', 'high'], '--priority is a whole number from 1 to 10'],
    [['jobs', 'apply', 'a'], 'Give the specification'],
    [['jobs', 'apply', 'a', '--spec', '{'], 'The specification is not JSON'],
    [['query', '{ a }', '--variables', '{'], '--variables is not JSON'],
  ])('%j is refused before anything is asked', async (words, sentence) => {
    const message = expect.stringContaining(sentence) as string;
    await expect(run(words)).rejects.toMatchObject({ message, exitCode: 2 });
    expect(fake.asked).toEqual([]);
  });

  test('that the server refuses says where and what to do', async () => {
    const refusal = {
      code: 'INVALID_VALUE',
      path: ['input', 'params'],
      message: 'No.',
      hint: 'So.',
    };
    const bare = { code: 'NOT_FOUND', path: [], message: 'None.', hint: null };
    answers({ submitRun: { replayed: false, run: null, userErrors: [refusal, bare] } });
    await expect(run(['submit', '--job', 'a'])).rejects.toMatchObject({
      message: '--params: No. (INVALID_VALUE) So.\nNone. (NOT_FOUND)',
      exitCode: 1,
    });
  });

  test('cancels with reason, grace and force', async () => {
    const cancelled = { id: RUN, state: 'CANCELLING' };
    answers({ cancelRun: { pending: true, run: cancelled, userErrors: [] } });
    const words = ['--reason', 'wrong', '--grace', '3s', '--force'];
    await run(['runs', 'cancel', RUN, ...words], 'json');
    expect(input()).toMatchObject({ id: RUN, force: true, reason: 'wrong', grace: '3s' });
    expect(JSON.parse(out)).toEqual({ ...cancelled, pending: true });
  });

  test('applies a job from a file and from the command line alike', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'orrery-test-'));
    const file = path.join(directory, 'job.json');
    const spec = { kind: 'shell', command: 'make' };
    fs.writeFileSync(file, JSON.stringify(spec));
    answers({ applyJob: { changed: true, job: { name: 'a', version: 1 }, userErrors: [] } });
    await run(['jobs', 'apply', 'a', '--file', file]);
    await run(['jobs', 'apply', 'a', '--spec', JSON.stringify(spec)]);
    fs.rmSync(directory, { recursive: true });
    const expected = { project: 'demo', name: 'a', spec };
    expect(fake.asked.map(({ variables }) => variables['input'])).toEqual([expected, expected]);
  });

  test('a query is passed on with its variables, and answered as it is', async () => {
    fake.answer = () => ({ data: { viewer: { name: 'x' } } });
    await run(['query', '{ viewer { name } }', '--variables', '{"a":1}'], 'ndjson');
    expect(out).toBe('{"viewer":{"name":"x"}}\n');
    expect(fake.asked[0]).toMatchObject({ query: '{ viewer { name } }', variables: { a: 1 } });
  });
});
