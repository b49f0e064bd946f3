import { expect, test } from 'vitest';
import type { Context } from '../context.js';
import { bulks } from './bulk.js';
import type { Values } from './command.js';

async function play(
  name: string,
  values: Values,
  data: unknown,
  words: readonly string[] = [],
): Promise<{ readonly out: string; readonly variables: unknown }> {
  const command = bulks.find((each) => each.name === name);
  if (command === undefined) throw new Error(`no command ${name}`);
  let [out, asked]: [string, unknown] = ['', undefined];
  const context = {
    format: 'json',
    project: 'demo',
    terminal: { out: (text: string) => (out += text), err: () => undefined, isTerminal: false },
    client: {
      request: async (_: string, variables: unknown) => {
        asked = variables;
        return await Promise.resolve({ ok: true, value: data });
      },
    },
  } as unknown as Context;
  expect(await command.run(context, values, words)).toBe(0);
  return { out, variables: asked };
}
const done = { bulkRuns: { matched: 7, applied: 0, pending: false, userErrors: [] } };

test('runs bulk: the filter, the action, and a dry run', async () => {
  const values = { state: 'ready,paused', job: 'report', labels: '{"a":"b"}', 'dry-run': true };
  const { out, variables } = await play('runs bulk', values, done, ['cancel']);
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
  await expect(play('runs bulk', {}, done, ['cancel'])).rejects.toThrow('Say which runs');
  await expect(play('runs bulk', { job: 'a' }, done, ['kill'])).rejects.toThrow("'kill'");
});

test('dead retry: only what is dead, at a pace; never all by a slip', async () => {
  const { variables } = await play('dead retry', { job: 'a', 'per-second': '50' }, done);
  expect(variables).toMatchObject({
    input: { action: 'RETRY', perSecond: 50, filter: { states: ['DEAD'], jobs: ['a'] } },
  });
  await expect(play('dead retry', {}, done)).rejects.toThrow('--all');
  expect((await play('dead retry', { all: true }, done)).variables).toMatchObject({
    input: { filter: { states: ['DEAD'] } },
  });
});

test('dead ls: the newest dead letters', async () => {
  const node = { id: 'x', job: { name: 'a' }, kind: 'SHELL', outcome: 'FAILED', reason: 'r' };
  const { out, variables } = await play('dead ls', { limit: '5' }, { runs: { nodes: [node] } });
  expect(variables).toEqual({ project: 'demo', filter: { states: ['DEAD'] }, first: 5 });
  expect(JSON.parse(out)).toEqual([node]);
});
