import { describe, expect, test, vi } from 'vitest';
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
const done = { bulkRuns: { id: null, matched: 7, applied: 0, pending: false, userErrors: [] } };

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
});

test('dead retry: only what is dead, at a pace; never all by a slip', async () => {
  const { variables } = await act('dead retry', { job: 'a', 'per-second': '50' }, done);
  expect(variables).toMatchObject({
    input: { action: 'RETRY', perSecond: 50, filter: { states: ['DEAD'], jobs: ['a'] } },
  });
  await expect(act('dead retry', {}, done)).rejects.toThrow('--all');
  expect((await act('dead retry', { all: true }, done)).variables).toMatchObject({
    input: { filter: { states: ['DEAD'] } },
  });
});

test('dead discard: one by its id, or by filter, with a reason', async () => {
  const { variables } = await act('dead discard', { id: 'r1', reason: 'known' }, done);
  expect(variables).toMatchObject({
    input: { action: 'DISCARD', filter: { states: ['DEAD'], ids: ['r1'] }, reason: 'known' },
  });
  await expect(act('dead discard', {}, done)).rejects.toThrow('--id');
});

describe('an id of no dead letter', () => {
  const of = (matched: number, userErrors: readonly object[]): unknown => ({
    bulkRuns: { id: null, matched, applied: 0, pending: false, userErrors },
  });
  const missing = { code: 'NOT_FOUND', path: ['filter', 'ids'], message: 'No run r1.', hint: null };

  test.each(['dead retry', 'dead discard'])('%s says so, exit code 1', async (name) => {
    const message = expect.stringContaining('nothing matched: r1') as string;
    const failed = act(name, { id: ['r1'] }, of(0, []));
    await expect(failed).rejects.toMatchObject({ message, exitCode: 1 });
    const refused = act(name, { id: ['r1'] }, of(0, [missing]));
    await expect(refused).rejects.toThrow('--id: No run r1. (NOT_FOUND)');
  });

  test('is passed over by --ignore-missing; a filter may match none', async () => {
    const values = { id: ['r1', 'r2'], 'ignore-missing': true };
    for (const errors of [[], [missing]]) {
      const { out, err, variables } = await act('dead retry', values, of(0, errors));
      expect([JSON.parse(out), err]).toMatchObject([{ matched: 0 }, '']);
      expect(variables).toMatchObject({ input: { filter: { ids: ['r1', 'r2'] } } });
    }
    const { err } = await act('dead retry', { job: 'a' }, of(0, []));
    expect(JSON.parse(err)).toEqual({ notice: 'nothing matched' });
  });

  test('among others is told after what was done', async () => {
    const partly = act('dead retry', { id: ['r1', 'r2'] }, of(1, [missing]));
    await expect(partly).rejects.toThrow('No run r1.');
    const rest = await act('dead retry', { id: ['r1'], 'ignore-missing': true }, of(1, [missing]));
    expect(JSON.parse(rest.out)).toMatchObject({ matched: 1 });
  });
});

test('dead ls: the newest dead letters', async () => {
  const node = { id: 'x', job: { name: 'a' }, kind: 'SHELL', outcome: 'FAILED', reason: 'r' };
  const { out, variables } = await act('dead ls', { limit: '5' }, { runs: { nodes: [node] } });
  const filter = { states: ['DEAD'], discarded: false };
  expect(variables).toEqual({ project: 'demo', filter, first: 5 });
  expect(JSON.parse(out)).toEqual([node]);
});

/** A server that is so far at each look; what is printed. */
async function follow(
  name: string,
  words: readonly string[],
  values: Values,
  looks: readonly (readonly [state: string, applied: number])[],
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
        const bulkRuns = { id: 'b1', matched: 9, applied: 2, pending: true, userErrors: [] };
        return await Promise.resolve({ ok: true, value: { bulkRuns } });
      },
      request: async () => {
        const [state, applied] = looks[Math.min(told.asked++, looks.length - 1)] ?? [];
        if (state === 'AWAY') {
          const error = { code: 'UNREACHABLE', message: 'Nothing answers.' };
          return await Promise.resolve({ ok: false, errors: [error] });
        }
        const failure = state === 'FAILED' ? 'It broke.' : null;
        const bulk = {
          id: 'b1',
          state,
          action: 'CANCEL',
          matched: 9,
          applied,
          refused: 0,
          failure,
        };
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
