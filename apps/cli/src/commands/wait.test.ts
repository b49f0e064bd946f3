import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '#client';
import { loadSettings } from '#config';
import {
  type FakeGateway,
  type Subscribed,
  startFakeGateway,
} from '../../../../test/support/fake-gateway.js';
import type { Context } from '../context.js';
import type { OutputFormat } from '../output/render.js';
import type { Values } from './command.js';
import { commands } from './table.js';

const RUN = '01900000-0000-7000-8000-000000000001';
const ESCAPE = '\u001b';
const SUBMITTED = '2029-12-31T23:59:59.000Z';
let fake: FakeGateway;
let client: Client;
let out: string;
let err: string;
/** What the run is when it is looked at. */
let state: string;
let reason: string | null;
let reusedFrom: { readonly id: string } | null;

beforeEach(async () => {
  fake = await startFakeGateway();
  client = createClient({ url: fake.url });
  out = '';
  err = '';
  state = 'READY';
  reason = null;
  reusedFrom = null;
  fake.answer = ({ query }) => {
    const pageInfo = { endCursor: null, hasNextPage: false };
    const isOfLog = query.includes('log(');
    const log = { nodes: [{ attempt: 1, text: 'written\n', gapBytes: null }], pageInfo };
    const run = isOfLog
      ? { attempts: [], log }
      : { id: RUN, state, reason, reusedFrom, result: null };
    if (!query.includes('submitRun')) return { data: { run } };
    return { data: { submitRun: { replayed: false, run: { id: RUN, state }, userErrors: [] } } };
  };
});
afterEach(async () => {
  await client.close();
  await fake.stop();
});

async function run(
  name: string,
  format: OutputFormat,
  isTerminal = false,
  more: Values = {},
): Promise<number> {
  const command = commands.find((each) => each.name === name);
  const loaded = loadSettings();
  if (!loaded.ok || command === undefined) throw new Error('no such command, or bad settings');
  const context: Context = {
    settings: loaded.settings,
    terminal: { out: (text) => (out += text), err: (text) => (err += text), isTerminal },
    format,
    project: 'demo',
    client,
  };
  return await command.run(context, { shell: 'true', wait: true, ...more }, [RUN]);
}
const wait = (format: OutputFormat = 'table', isTerminal = false): Promise<number> =>
  run('submit', format, isTerminal);

/** The run goes through these, a second each by the server's clock, and ends in the last one. */
const pass =
  (...states: string[]) =>
  (subscribed: Subscribed): void => {
    const nodes: { readonly at: string; readonly to: string }[] = [];
    for (const each of states) {
      state = each;
      nodes.push({ at: `2030-01-01T00:00:0${nodes.length}.000Z`, to: each });
      const runChanged = { id: RUN, state, reason, submittedAt: SUBMITTED, events: { nodes } };
      subscribed.next({ data: { runChanged } });
    }
  };

describe('--wait', () => {
  test.each([
    ['SUCCEEDED', 0],
    ['DEAD', 1],
    ['CANCELLED', 1],
    ['EXPIRED', 1],
    ['SKIPPED', 1],
  ])('of a run that ends %s exits with %i', async (final, code) => {
    fake.heard = pass('GRANTED', 'RUNNING', 'WAITING_RETRY', final);
    expect(await wait('json')).toBe(code);
    const told = { id: RUN, state: final, reason: null, log: 'written\n' };
    expect(JSON.parse(out)).toMatchObject(told);
    expect(err).toBe('');
  });

  test('prints the log to a person, and why it did not succeed beside it', async () => {
    reason = 'exit 3';
    fake.heard = pass('DEAD');
    await wait();
    expect([out, err]).toEqual(['written\n', `run ${RUN}\nrun ${RUN} DEAD: exit 3\n`]);
  });

  test('is one line of JSON as NDJSON', async () => {
    fake.heard = pass('SUCCEEDED');
    await wait('ndjson');
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(out)).toMatchObject({ state: 'SUCCEEDED' });
  });

  test('moves a line on a terminal, clears it, and writes none of it to the output', async () => {
    fake.heard = pass('RUNNING', 'SUCCEEDED');
    await wait('table', true);
    expect(err).toContain('RUNNING');
    expect(err.endsWith(`\r${ESCAPE}[K`)).toBe(true);
    expect(out).toBe('written\n');
  });

  test('writes no escape where nobody looks', async () => {
    fake.heard = pass('RUNNING', 'SUCCEEDED');
    await wait('table', false);
    expect([out, err]).toEqual(['written\n', `run ${RUN}\n`]);
  });

  test('says which run it is before that ends', async () => {
    let before = '';
    fake.heard = (subscribed) => {
      before = err;
      pass('SUCCEEDED')(subscribed);
    };
    await wait();
    expect(before).toBe(`run ${RUN}\n`);
  });
});

describe('a gateway that goes away while somebody waits', () => {
  test('is asked again, and what happened meanwhile is not missed', async () => {
    fake.heard = (subscribed) => {
      // It ends while nobody listens.
      if (fake.subscribed.length === 1) fake.drop();
      else pass('SUCCEEDED')(subscribed);
    };
    expect(await wait('json')).toBe(0);
    expect(fake.subscribed).toHaveLength(2);
  });

  test('is said to be lost once and to be back once, with how to see the run', async () => {
    const away = { message: 'No database.', extensions: { code: 'UNAVAILABLE' } };
    fake.heard = (subscribed) => {
      const nth = fake.subscribed.length;
      if (nth < 3) fake.drop();
      else if (nth < 5) subscribed.refuse([away]);
      else pass('SUCCEEDED')(subscribed);
    };
    expect(await wait()).toBe(0);
    expect(err.split('\n')).toEqual([
      `run ${RUN}`,
      `lost the server at ${fake.url}, trying again…`,
      expect.stringContaining(`npx orrery runs get ${RUN}`),
      `the server at ${fake.url} is back`,
      '',
    ]);
  });

  test('tells a program so in JSON', async () => {
    fake.heard = (subscribed) => {
      if (fake.subscribed.length === 1) fake.drop();
      else pass('SUCCEEDED')(subscribed);
    };
    await wait('json');
    const notices = err.trimEnd().split('\n');
    expect(notices.map((line) => JSON.parse(line) as unknown)).toEqual([
      { notice: expect.stringContaining('lost the server') as string },
      { notice: `the server at ${fake.url} is back` },
    ]);
  });

  test('when it is not there at first ends what only waits at once', async () => {
    await fake.stop();
    for (const name of ['runs wait', 'runs watch', 'runs logs']) {
      const message = expect.stringContaining(`Nothing answers at ${fake.url}`) as string;
      const waited = run(name, 'table', false, { follow: true });
      await expect(waited).rejects.toMatchObject({ message, exitCode: 1 });
    }
    expect(err).not.toContain('lost');
  });

  test.each([
    ['submit', 'wait-timeout'],
    ['runs wait', 'timeout'],
    ['runs watch', 'timeout'],
    ['runs logs', 'timeout'],
  ])('%s --%s ends with 124 and says that the run goes on', async (name, option) => {
    const code = await run(name, 'table', false, { [option]: '20ms', follow: true });
    expect(code).toBe(124);
    expect(err).toContain('The time for waiting is over.');
    expect(err).toContain(`npx orrery runs get ${RUN}`);
    const wrong = run(name, 'table', false, { [option]: 'soon', follow: true });
    const message = `--${option} is a length of time like 90s, 5m or 1h30m, not 'soon'.`;
    await expect(wrong).rejects.toMatchObject({ message, exitCode: 2 });
  });

  test('and comes back before the end is subscribed to again', async () => {
    fake.heard = (subscribed) => {
      if (fake.subscribed.length === 1) fake.drop();
      else pass('RUNNING', 'DEAD')(subscribed);
    };
    expect(await wait('json')).toBe(1);
    expect(fake.subscribed).toHaveLength(2);
  });

  test.each([
    [4401, 'this key is not valid at http'],
    [4403, 'The key is no longer valid.'],
  ])('with %i is not asked again', async (code, sentence) => {
    fake.heard = ({ socket }) => socket.close(code, 'no');
    const message = expect.stringContaining(sentence) as string;
    await expect(wait('json')).rejects.toMatchObject({ message, exitCode: 1 });
    await expect(wait('json')).rejects.toThrow(`npx orrery runs wait ${RUN}`);
    expect(fake.subscribed).toHaveLength(2);
  });

  test('a run that it does not know ends the wait with a sentence', async () => {
    const error = { message: 'This run does not exist.', extensions: { code: 'NOT_FOUND' } };
    fake.heard = (subscribed) => {
      if (fake.subscribed.length === 1) fake.drop();
      else subscribed.refuse([error]);
    };
    const waited = wait();
    await expect(waited).rejects.toThrow('This run does not exist. (NOT_FOUND)');
    await expect(waited).rejects.not.toThrow('is not stopped by this');
  });
});

test('a cached hit is said to be one, with the run whose result it is', async () => {
  reusedFrom = { id: 'r0' };
  fake.heard = pass('SUCCEEDED');
  expect(await wait()).toBe(0);
  expect(err).toBe(`run ${RUN}\nanswered from the result of run r0 (cache)\n`);
  await wait('json');
  expect(JSON.parse(out.slice(out.indexOf('{')))).toMatchObject({ reusedFrom });
});

test('runs wait tells the end as submit --wait does', async () => {
  fake.heard = pass('RUNNING', 'DEAD');
  expect(await run('runs wait', 'table')).toBe(1);
  expect([out, err]).toEqual(['written\n', `run ${RUN}\nrun ${RUN} DEAD\n`]);
  expect(fake.asked.some(({ query }) => query.includes('submitRun'))).toBe(false);
});

describe('runs watch', () => {
  test('prints every state, one a line, until the end', async () => {
    fake.heard = pass('READY', 'RUNNING', 'SUCCEEDED');
    expect(await run('runs watch', 'table')).toBe(0);
    expect(out.trimEnd().split('\n')).toEqual([
      '2030-01-01T00:00:00.000Z READY',
      '2030-01-01T00:00:01.000Z RUNNING',
      '2030-01-01T00:00:02.000Z SUCCEEDED',
    ]);
  });

  test('of a run of which no event is written yet tells when it was submitted', async () => {
    fake.heard = (subscribed) => {
      const run = { id: RUN, state: 'SCHEDULED', reason, submittedAt: SUBMITTED };
      subscribed.next({ data: { runChanged: { ...run, events: { nodes: [] } } } });
      pass('SUCCEEDED')(subscribed);
    };
    await run('runs watch', 'table');
    expect(out.split('\n')[0]).toBe(`${SUBMITTED} SCHEDULED`);
  });

  test('as NDJSON prints the runs as they came', async () => {
    reason = 'exit 3';
    fake.heard = pass('RUNNING', 'DEAD');
    expect(await run('runs watch', 'ndjson')).toBe(1);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { id: RUN, state: 'RUNNING', reason, at: '2030-01-01T00:00:00.000Z' },
      { id: RUN, state: 'DEAD', reason, at: '2030-01-01T00:00:01.000Z' },
    ]);
  });
});
