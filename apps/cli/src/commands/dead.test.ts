import { describe, expect, test } from 'vitest';
import type { Values } from './command.js';
import { dead } from './dead.js';
import { type Played, play } from './testkit/play.js';

const act = (name: string, values: Values, data: unknown): Promise<Played> =>
  play(dead, name, values, data);
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
  const of = (
    matched: number,
    userErrors: readonly object[],
    unmatched: readonly object[] = [],
  ) => ({
    bulkRuns: { id: null, matched, applied: 0, pending: false, unmatched, userErrors },
  });
  const missing = {
    code: 'NOT_FOUND',
    path: ['filter', 'ids', '0'],
    message: 'No run r1.',
    hint: null,
  };

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
    expect(JSON.parse(err)).toEqual({
      notice: 'nothing is left: no dead letter matches that was not retried or discarded',
    });
  });

  test('among others is told after what was done', async () => {
    const partly = act('dead retry', { id: ['r1', 'r2'] }, of(1, [], [missing]));
    await expect(partly).rejects.toThrow('No run r1.');
    const rest = await act(
      'dead retry',
      { id: ['r1'], 'ignore-missing': true },
      of(1, [], [missing]),
    );
    expect([JSON.parse(rest.out), rest.err]).toMatchObject([{ matched: 1 }, '']);
  });

  test('that was retried before: as what, and how to do it all the same', async () => {
    const retried = {
      code: 'RUN_RETRIED',
      path: ['filter', 'ids', '1'],
      message: 'Run r2 is DEAD, and it was retried as r9.',
      hint: 'To retry it once more: retryRun, or `retried: true` in the filter.',
    };
    const message =
      '--id: No run r1. (NOT_FOUND)\n' +
      '--id: Run r2 is DEAD, and it was retried as r9. (RUN_RETRIED) ' +
      'To retry it once more: orrery runs retry r2, or --retried.';
    const again = act('dead retry', { id: ['r1', 'r2'] }, of(0, [missing, retried]));
    await expect(again).rejects.toMatchObject({ message, exitCode: 1 });
    const values = { id: ['r1', 'r2'], 'ignore-missing': true };
    const { err } = await act('dead retry', values, of(0, [missing, retried]));
    expect(JSON.parse(err)).toEqual({ notice: retried.message });
  });
});

test('dead discard of what was retried advises nothing that it does not take', async () => {
  const unmatched = {
    code: 'RUN_RETRIED',
    path: ['filter', 'ids', '0'],
    message: 'Run r1 is DEAD, and it was retried as r9.',
    hint: 'To retry it once more: retryRun, or `retried: true` in the filter.',
  };
  const answer = { bulkRuns: { ...done.bulkRuns, matched: 0, userErrors: [unmatched] } };
  await expect(act('dead discard', { id: ['r1'] }, answer)).rejects.toMatchObject({
    message: `--id: ${unmatched.message} (RUN_RETRIED) It is no longer in the list.`,
  });
});

test('a job that is not there is named, not numbered', async () => {
  const path = ['filter', 'jobs', '0'];
  const unknown = { code: 'NOT_FOUND', path, message: 'None.', hint: null };
  const answer = { bulkRuns: { ...done.bulkRuns, matched: 0, userErrors: [unknown] } };
  await expect(act('dead retry', { job: 'nope' }, answer)).rejects.toMatchObject({
    message: '--job nope: None. (NOT_FOUND)',
  });
});

test('dead ls: the newest dead letters', async () => {
  const retriedAs = { id: 'y' };
  const run = { id: 'x', job: { name: 'a' }, kind: 'SHELL', outcome: 'FAILED', reason: 'r' };
  const node = { ...run, retriedAs };
  const { out, variables } = await act('dead ls', { limit: '5' }, { runs: { nodes: [node] } });
  const filter = { states: ['DEAD'], discarded: false };
  expect(variables).toEqual({ project: 'demo', filter, first: 5 });
  expect(JSON.parse(out)).toEqual([node]);
  const asked = { runs: { nodes: [node] } };
  const retried = await play(dead, 'dead ls', { retried: true }, asked, { format: 'table' });
  expect(retried.variables).toMatchObject({ filter: { states: ['DEAD'], retried: true } });
  expect(retried.out).toMatch(/RETRIED AS\n.* y$/m);
  const discarded = await act('dead ls', { discarded: true }, asked);
  expect(discarded.variables).toMatchObject({ filter: { states: ['DEAD'], discarded: true } });
});

test('dead retry: what was retried or discarded only for who asks for it', async () => {
  const retried = await act('dead retry', { job: 'a', retried: true }, done);
  expect(retried.variables).toMatchObject({
    input: { filter: { states: ['DEAD'], jobs: ['a'], retried: true } },
  });
  const all = { discarded: true, all: true };
  expect((await act('dead retry', all, done)).variables).toMatchObject({
    input: { filter: { states: ['DEAD'], discarded: true } },
  });
  await expect(act('dead retry', { retried: true }, done)).rejects.toThrow('--all');
});
