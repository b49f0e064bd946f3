import { expect, test } from 'vitest';
import { bulks } from './bulk.js';
import type { Values } from './command.js';
import { type Played, play } from './testkit/play.js';

const act = (
  name: string,
  values: Values,
  data: unknown,
  words: readonly string[] = [],
): Promise<Played> => play(bulks, name, values, data, { words });
const done = { bulkRuns: { matched: 7, applied: 0, pending: false, userErrors: [] } };

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
  expect(JSON.parse(out)).toEqual({ matched: 7, applied: 0, pending: false });
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

test('dead ls: the newest dead letters', async () => {
  const node = { id: 'x', job: { name: 'a' }, kind: 'SHELL', outcome: 'FAILED', reason: 'r' };
  const { out, variables } = await act('dead ls', { limit: '5' }, { runs: { nodes: [node] } });
  expect(variables).toEqual({ project: 'demo', filter: { states: ['DEAD'] }, first: 5 });
  expect(JSON.parse(out)).toEqual([node]);
});
