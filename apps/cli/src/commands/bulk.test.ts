import { expect, test, vi } from 'vitest';
import { bulks } from './bulk.js';
import type { Context } from '../context.js';
import type { Values } from './command.js';
import { type Played, play } from './testkit/play.js';

const act = (
  name: string,
  values: Values,
  data: unknown,
  words: readonly string[] = [],
): Promise<Played> => play(bulks, name, values, data, { words });
const done = {
  bulkRuns: {
    id: null,
    matched: 7,
    applied: 0,
    pending: false,
    replayed: false,
    unmatched: [],
    userErrors: [],
  },
};
const BULK = {
  id: 'b1',
  action: 'CANCEL',
  filter: { states: ['READY'], labels: { team: 'a' }, retried: true },
  matched: 9,
  applied: 4,
  refused: 0,
  reason: 'because',
  by: 'key:ana',
  startedAt: '2030-01-01T00:00:00Z',
  trouble: null,
  failure: null,
  stoppedBy: null,
  stopReason: null,
};
const STOPPED = { state: 'CANCELLED', stoppedBy: 'key:bo', stopReason: 'a slip' };

test('runs bulk: the filter, the action, and a dry run', async () => {
  const values = { state: 'ready,paused', job: 'report', labels: '{"a":"b"}', 'dry-run': true };
  const { out, variables } = await act('runs bulk', values, done, ['cancel']);
  expect(variables).toEqual({
    input: {
      project: 'demo',
      action: 'CANCEL',
      dryRun: true,
      filter: { states: ['READY', 'PAUSED'], jobs: ['report'], labels: { a: 'b' } },
    },
  });
  expect(JSON.parse(out)).toEqual({ id: null, matched: 7, applied: 0, pending: false });
});

test('runs bulk: nothing is done to everything, nor by a word that is no action', async () => {
  await expect(act('runs bulk', {}, done, ['cancel'])).rejects.toThrow('Say which runs');
  await expect(act('runs bulk', { job: 'a' }, done, ['kill'])).rejects.toThrow("'kill'");
  const reprioritize = act('runs bulk', { job: 'a' }, done, ['reprioritize']);
  const message = expect.stringContaining('takes --priority') as string;
  await expect(reprioritize).rejects.toMatchObject({ message, exitCode: 2 });
});

/** A server that is so far at each look; what is printed. */
async function follow(
  name: string,
  words: readonly string[],
  values: Values,
  looks: readonly (readonly [state: string, applied: number])[],
  more: object = {},
) {
  const command = bulks.find((each) => each.name === name);
  const told = { out: '', err: '', asked: 0 };
  const context = {
    format: 'json',
    project: 'demo',
    terminal: {
      out: (text: string) => (told.out += text),
      err: (text: string) => (told.err += text),
      isTerminal: true,
    },
    client: {
      url: 'http://there',
      mutate: async () => {
        const begun = { id: 'b1', matched: 9, applied: 2, pending: true, replayed: false };
        const bulkRuns = { ...begun, unmatched: [], userErrors: [], ...more };
        return await Promise.resolve({ ok: true, value: { bulkRuns } });
      },
      request: async () => {
        const [state, applied] = looks[Math.min(told.asked++, looks.length - 1)] ?? [];
        if (state === 'AWAY') {
          const error = { code: 'UNREACHABLE', message: 'Nothing answers.' };
          return await Promise.resolve({ ok: false, errors: [error] });
        }
        const failure = state === 'FAILED' ? 'It broke.' : null;
        const stopped = state === 'CANCELLED' ? STOPPED : {};
        const trouble = state === 'SLOW' ? 'The database is slow.' : null;
        const now = state === 'SLOW' ? 'RUNNING' : state;
        const bulk = { ...BULK, ...stopped, state: now, applied, failure, trouble, ...more };
        return await Promise.resolve({ ok: true, value: { bulk } });
      },
    },
  } as unknown as Context;
  const code = await command?.run(context, values, words);
  return { ...told, code };
}

test('runs bulk: follows what goes on until it is done, and says how far it is', async () => {
  const looks = [['RUNNING', 4] as const, ['DONE', 9] as const];
  const { out, err, code } = await follow('runs bulk', ['cancel'], { job: 'a' }, looks);
  expect(JSON.parse(out)).toEqual({ id: 'b1', matched: 9, applied: 9, pending: false });
  expect(err).toContain('CANCEL 4 of 9');
  expect(code).toBe(0);
});

test('runs bulk: a lost server is asked again; bulk get gives up at the start', async () => {
  const looks = [['AWAY', 0] as const, ['AWAY', 0] as const, ['DONE', 9] as const];
  const { err, code } = await follow('runs bulk', ['cancel'], { job: 'a' }, looks);
  expect(code).toBe(0);
  expect(err.match(/lost the server at http:\/\/there/g)).toHaveLength(1);
  expect(err).toContain('the server at http://there is back');
  const lost = follow('bulk get', ['b1'], { wait: true }, looks);
  await expect(lost).rejects.toThrow('Nothing answers.');
  const late = await follow('bulk get', ['b1'], { wait: true, timeout: '20ms' }, [['RUNNING', 4]]);
  expect(late.code).toBe(124);
  expect(late.err).toContain('orrery bulk get b1');
});

test('runs bulk: --no-wait and Ctrl-C leave it running and say how to look', async () => {
  const running = [['RUNNING', 4] as const];
  const values = { job: 'a', 'no-wait': true };
  const quick = await follow('runs bulk', ['cancel'], values, running);
  expect(quick).toMatchObject({ code: 0, asked: 0 });
  expect(quick.err).toContain('orrery bulk get b1');
  const before = process.listenerCount('SIGINT');
  const followed = follow('runs bulk', ['cancel'], { job: 'a' }, running);
  await vi.waitFor(() => expect(process.listenerCount('SIGINT')).toBe(before + 1));
  // The answer is there at once: by then it is followed.
  await new Promise(setImmediate);
  process.emit('SIGINT');
  const stopped = await followed;
  expect(stopped.code).toBe(130);
  expect(stopped.err).toContain('orrery bulk get b1');
  expect(JSON.parse(stopped.out)).toMatchObject({ id: 'b1', pending: true });
});

test('bulk get: how far it is, or its end; one that failed says why', async () => {
  const now = await follow('bulk get', ['b1'], {}, [['RUNNING', 4]]);
  expect(JSON.parse(now.out)).toMatchObject({ state: 'RUNNING', applied: 4 });
  const end = await follow('bulk get', ['b1'], { wait: true }, [
    ['RUNNING', 4],
    ['DONE', 8],
  ]);
  expect(JSON.parse(end.out)).toMatchObject({ state: 'DONE', applied: 8 });
  await expect(follow('bulk get', ['b1'], { wait: true }, [['FAILED', 4]])).rejects.toThrow(
    'It broke.',
  );
});

test('what is stopped ends a wait with who did it and why, and exit code 1', async () => {
  const looks = [['SLOW', 4] as const, ['SLOW', 4] as const, ['CANCELLED', 5] as const];
  const message =
    'The action b1 was stopped by key:bo: a slip. It was applied to 5 of 9 runs, which stay so.';
  for (const [name, words, values] of [
    ['bulk get', ['b1'], { wait: true }],
    ['runs bulk', ['cancel'], { job: 'a' }],
  ] as const) {
    const waited = follow(name, words, values, looks);
    await expect(waited).rejects.toMatchObject({ message, exitCode: 1 });
  }
  // Also where it was stopped before the request was answered.
  const early = follow('runs bulk', ['cancel'], { job: 'a' }, looks.slice(2), { pending: false });
  await expect(early).rejects.toThrow('stopped by key:bo');
});

test('a wait says once what keeps it from going on, and at its end what was refused', async () => {
  const looks = [['SLOW', 4] as const, ['SLOW', 4] as const, ['DONE', 8] as const];
  const { err, code } = await follow('bulk get', ['b1'], { wait: true }, looks, { refused: 1 });
  expect(err.match(/The database is slow\./g)).toHaveLength(1);
  expect(err).toContain('It could not be done to 1 of 9');
  expect(code).toBe(0);
});

test('a repeated key says that an earlier request has begun it', async () => {
  const looks = [['DONE', 9] as const];
  const { err } = await follow('runs bulk', ['cancel'], { job: 'a' }, looks, { replayed: true });
  expect(err).toContain('an earlier request with this key has begun it');
});

test('bulk ls and bulk get: a filter is shown as what asks for it', async () => {
  const node = { ...BULK, ...STOPPED };
  const asked = { bulks: { nodes: [node] } };
  const listed = await act('bulk ls', { limit: '5' }, asked);
  expect(listed.variables).toEqual({ project: 'demo', first: 5 });
  expect(JSON.parse(listed.out)).toEqual([node]);
  const filter = '--state READY --labels team=a --retried';
  const table = await play(bulks, 'bulk ls', {}, asked, { format: 'table' });
  expect(table.out).toContain(`key:ana  ${filter}  stopped by key:bo: a slip`);
  const one = await play(bulks, 'bulk get', {}, { bulk: node }, { words: ['b1'], format: 'table' });
  expect(one.out).toMatch(new RegExp(`^filter +${filter}$`, 'm'));
  expect(one.out).toMatch(/^stoppedBy +key:bo$/m);
});

test('bulk cancel: who stops it, and that it was stopped or is over already', async () => {
  const bulk = { ...BULK, ...STOPPED };
  const answer = (more: object): unknown => ({
    cancelBulk: { changed: true, bulk, userErrors: [], ...more },
  });
  const first = await act('bulk cancel', { reason: 'a slip' }, answer({}), ['b1']);
  expect(first.variables).toEqual({ input: { id: 'b1', reason: 'a slip' } });
  const shown = { id: 'b1', state: 'CANCELLED', action: 'CANCEL', matched: 9, applied: 4 };
  expect([JSON.parse(first.out), first.err]).toEqual([{ ...shown, changed: true }, '']);
  const second = await act('bulk cancel', {}, answer({ changed: false }), ['b1']);
  expect(JSON.parse(second.out)).toEqual({ ...shown, changed: false });
  expect(second.err).toContain('nothing changed: it was stopped by key:bo before: a slip');
  const userErrors = [{ code: 'BULK_OVER', path: ['id'], message: 'The bulk is DONE already.' }];
  const late = act('bulk cancel', {}, answer({ changed: false, userErrors }), ['b1']);
  await expect(late).rejects.toThrow('The bulk is DONE already. (BULK_OVER)');
});
