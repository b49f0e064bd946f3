import { parseArgs } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#actor';
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
const BOUND_MS = 5_000;
/** What the run has written, a chunk each; the place of a chunk is its cursor. */
let written: string[];
/** Which attempt has written each; else the first. */
let attempts: number[];
let state: string;
let fake: FakeGateway;
let client: Client;
let [out, err] = ['', ''];

beforeEach(async () => {
  fake = await startFakeGateway();
  client = createClient({ url: fake.url });
  [out, err] = ['', ''];
  written = [];
  attempts = [];
  state = 'RUNNING';
  fake.answer = ({ variables }) => {
    const nodes = written.slice(placeOf(variables)).map((text, i) => piece(text, i));
    const pageInfo = { endCursor: null, hasNextPage: false };
    return { data: { run: { state, attempts: [...new Set(attempts)], log: { nodes, pageInfo } } } };
  };
});
afterEach(async () => {
  await client.close();
  await fake.stop();
});

const piece = (text: string, i: number) => ({ text, attempt: attempts[i] ?? 1, gapBytes: null });
const placeOf = (variables: Readonly<Record<string, unknown>>): number =>
  Number(variables['after'] ?? 0);
/** What follows the cursor, and no more than so many chunks. */
function tell(subscribed: Subscribed, count = Number.POSITIVE_INFINITY): void {
  const from = placeOf(subscribed.variables);
  for (const [i, text] of written.slice(from, from + count).entries()) {
    const chunk = { stream: 'STDOUT', offset: '0', at: null, ...piece(text, from + i) };
    const runLog = { cursor: String(from + i + 1), ...chunk };
    subscribed.next({ data: { runLog } });
  }
}

async function logs(
  words: readonly string[],
  format: OutputFormat = 'table',
  isTerminal = false,
): Promise<number> {
  const command = commands.find(({ name }) => name === 'runs logs');
  const loaded = loadSettings();
  if (!loaded.ok || command === undefined) throw new Error('no such command, or bad settings');
  const { options } = command;
  const { values } = parseArgs({ args: [...words], options, allowPositionals: true });
  const context: Context = {
    settings: loaded.settings,
    terminal: { out: (text) => (out += text), err: (text) => (err += text), isTerminal },
    format,
    project: 'demo',
    client,
  };
  return await command.run(context, values as Values, [RUN]);
}

describe('runs logs --follow', () => {
  test.each([['--follow'], ['-f']])('%s prints what comes, and ends with the run', async (flag) => {
    fake.heard = (subscribed) => {
      written = ['one\n', 'two\n'];
      tell(subscribed);
      state = 'DEAD';
      subscribed.complete();
    };
    expect(await logs([flag])).toBe(0);
    expect([out, err]).toEqual(['one\ntwo\n', '']);
    expect(fake.subscribed.map(({ variables }) => variables)).toEqual([{ id: RUN, after: null }]);
  });

  test('goes on after the last cursor when the connection is lost, repeats nothing', async () => {
    written = ['one\n', 'two\n', 'three\n', 'four\n'];
    fake.heard = (subscribed) => {
      tell(subscribed, 2);
      if (fake.subscribed.length === 1)
        void until(() => out !== '', BOUND_MS).then(() => fake.drop());
      else {
        state = 'SUCCEEDED';
        subscribed.complete();
      }
    };
    expect(await logs(['-f'])).toBe(0);
    expect(out).toBe('one\ntwo\nthree\nfour\n');
    expect(fake.subscribed.map(({ variables }) => variables['after'])).toEqual([null, '2']);
  });

  test('says once that the server is lost, and that it is back before it says more', async () => {
    fake.heard = (subscribed) => {
      if (fake.subscribed.length === 1) return fake.drop();
      void until(() => err.includes('is back'), BOUND_MS).then(() => {
        state = 'SUCCEEDED';
        subscribed.complete();
      });
    };
    expect(await logs(['-f'])).toBe(0);
    expect(err.split('\n')).toEqual([
      `lost the server at ${fake.url}, trying again…`,
      expect.stringContaining(`npx orrery runs get ${RUN}`),
      `the server at ${fake.url} is back`,
      '',
    ]);
  });

  test('does not take the end of a gateway for the end of the run', async () => {
    written = ['one\n', 'two\n'];
    fake.heard = (subscribed) => {
      tell(subscribed, 1);
      // Final when it ends the second time, but not yet told to its end.
      if (fake.subscribed.length === 2) state = 'SUCCEEDED';
      subscribed.complete();
      if (fake.subscribed.length === 2) written.push('three\n');
    };
    expect(await logs(['-f'])).toBe(0);
    expect(out).toBe('one\ntwo\nthree\n');
  });

  test('tells a person what is missing, beside the log', async () => {
    fake.heard = (subscribed) => {
      const runLog = { cursor: '1', attempt: 1, text: 'on\n', gapBytes: 7 };
      subscribed.next({ data: { runLog } });
      state = 'SUCCEEDED';
      subscribed.complete();
    };
    await logs(['-f']);
    expect([out, err]).toEqual(['on\n', '… 7 bytes are missing here …\n']);
  });

  test('to a program prints a chunk a line, to a terminal nothing that steers it', async () => {
    written = ['\u001b[31mred\n'];
    state = 'SUCCEEDED';
    fake.heard = (subscribed) => {
      tell(subscribed);
      subscribed.complete();
    };
    await logs(['-f'], 'ndjson');
    expect(JSON.parse(out)).toMatchObject({ cursor: '1', text: written[0], gapBytes: null });
    out = '';
    await logs(['-f'], 'table', true);
    expect(out).toBe('red\n');
  });

  test('of a run that is not there ends with a sentence and 1', async () => {
    const error = { message: 'This run does not exist.', extensions: { code: 'NOT_FOUND' } };
    fake.heard = (subscribed) => subscribed.refuse([error]);
    await expect(logs(['-f'])).rejects.toMatchObject({
      message: expect.stringContaining('This run does not exist. (NOT_FOUND)') as string,
      exitCode: 1,
    });
    expect(fake.subscribed).toHaveLength(1);
  });

  test('while the database is away it is asked again', async () => {
    const error = { message: 'Try again.', extensions: { code: 'UNAVAILABLE' } };
    written = ['one\n'];
    fake.heard = (subscribed) => {
      if (fake.subscribed.length === 1) {
        subscribed.refuse([error]);
        return;
      }
      tell(subscribed);
      state = 'SUCCEEDED';
      subscribed.complete();
    };
    expect(await logs(['-f'])).toBe(0);
    expect(out).toBe('one\n');
  });
});

describe('the log of several attempts', () => {
  beforeEach(() => {
    written = ['one\n', 'on', 'e\n', 'two'];
    attempts = [1, 1, 2, 3];
    state = 'SUCCEEDED';
  });

  test('says where each begins, beside what they wrote', async () => {
    expect(await logs([])).toBe(0);
    expect(out).toBe('one\none\ntwo');
    const heads = [1, 2, 3].map((attempt) => `==> attempt ${attempt} of ${RUN} <==\n`);
    expect(err).toBe(`${heads[0]}\n${heads[1]}${heads[2]}`);
  });

  test('says so when it is followed, once there is a second', async () => {
    fake.heard = (subscribed) => {
      tell(subscribed);
      subscribed.complete();
    };
    await logs(['-f']);
    expect(out).toBe('one\none\ntwo');
    const heads = [2, 3].map((attempt) => `==> attempt ${attempt} of ${RUN} <==\n`);
    expect(err).toBe(`\n${heads.join('')}`);
  });

  test('is told to a program attempt by attempt', async () => {
    await logs([], 'json');
    const told = [
      { number: 1, text: 'one\non' },
      { number: 2, text: 'e\n' },
      { number: 3, text: 'two' },
    ];
    expect(JSON.parse(out)).toEqual({ id: RUN, text: written.join(''), attempts: told });
  });

  test('needs no such line for one attempt that was asked for, nor for the only one', async () => {
    await logs(['--attempt', '2']);
    attempts = [1, 1, 1, 1];
    await logs([]);
    expect(err).toBe('');
  });
});

describe('runs logs --attempt', () => {
  test('asks for that attempt, followed or not', async () => {
    attempts = [1, 2];
    await logs(['--attempt', '2']);
    state = 'SUCCEEDED';
    fake.heard = (subscribed) => subscribed.complete();
    await logs(['--attempt', '2', '-f']);
    expect(fake.asked.map(({ variables }) => variables['attempt'])).toEqual([2, 2]);
    expect(fake.subscribed[0]?.variables).toEqual({ id: RUN, attempt: 2, after: null });
  });

  test.each(['0', 'two', '-1'])('%s is no attempt', async (text) => {
    await expect(logs([`--attempt=${text}`])).rejects.toMatchObject({ exitCode: 2 });
    expect(fake.asked).toEqual([]);
  });
});
