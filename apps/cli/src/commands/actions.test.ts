import { expect, test } from 'vitest';
import { CommandProblem, type Context } from '../context.js';
import { actions } from './actions.js';
import type { Values } from './command.js';

const RUN = '01900000-0000-7000-8000-000000000001';

/** Runs a command against one answer; gives what was asked and what was printed. */
async function play(
  name: string,
  values: Values,
  data: unknown,
  format: Context['format'] = 'json',
): Promise<{ readonly out: string; readonly document: string; readonly variables: unknown }> {
  const command = actions.find((each) => each.name === `runs ${name}`);
  if (command === undefined) throw new Error(`no command ${name}`);
  let out = '';
  let asked = { document: '', variables: undefined as unknown };
  const context = {
    format,
    terminal: { out: (text: string) => (out += text), err: () => undefined, isTerminal: false },
    client: {
      request: async (document: string, variables: unknown) => {
        asked = { document, variables };
        return await Promise.resolve({ ok: true, value: data });
      },
    },
  } as unknown as Context;
  expect(await command.run(context, values, [RUN])).toBe(0);
  return { out, ...asked };
}
const done = (mutation: string, more: object = {}): unknown => ({
  [mutation]: { run: { id: RUN, state: 'READY' }, userErrors: [], ...more },
});

test.each([
  ['pause', { reason: 'x' }, 'pauseRun', { reason: 'x' }],
  ['resume', {}, 'resumeRun', {}],
  ['update', { priority: '1', after: '10m' }, 'updateRun', { priority: 1, after: '10m' }],
  ['mark', { as: 'skipped', reason: 'x' }, 'markRun', { as: 'SKIPPED', reason: 'x' }],
  ['retry', { params: '{"a":1}', pool: 'p' }, 'retryRun', { params: { a: 1 }, pool: 'p' }],
] as const)('runs %s asks for what was given, and nothing else', async (...given) => {
  const [name, values, mutation, input] = given;
  const { out, document, variables } = await play(name, values, done(mutation, { pending: true }));
  expect(document).toContain(`${mutation}(input: $input) { pending run`);
  expect(variables).toEqual({ input: { id: RUN, ...input } });
  expect(JSON.parse(out)).toEqual({ id: RUN, state: 'READY', pending: true });
});

test('runs clone: a submission is never pending', async () => {
  const { out, document } = await play('clone', { priority: '2' }, done('cloneRun'));
  expect(document).not.toContain('pending');
  expect(JSON.parse(out)).toEqual({ id: RUN, state: 'READY' });
});

test('a user error, and words that say nothing, are problems', async () => {
  const userErrors = [{ code: 'RUN_STARTED', path: ['id'], message: 'It runs.', hint: null }];
  const refused = play('pause', {}, { pauseRun: { run: null, pending: false, userErrors } });
  await expect(refused).rejects.toThrow('It runs.');
  await expect(play('mark', { reason: 'x' }, {})).rejects.toThrow('--as');
  await expect(play('mark', { as: 'SKIPPED' }, {})).rejects.toThrow('--reason');
  await expect(play('update', { priority: '11' }, {})).rejects.toThrow(CommandProblem);
});

test('runs explain says it in words', async () => {
  const waitingFor = [
    { kind: 'NOT_DUE', text: 'Its time has not come.', hint: null, until: '2030-01-01T00:00:00Z' },
    { kind: 'SLOTS', text: 'All slots are busy.', hint: 'More would help.', until: null },
  ];
  const run = { id: RUN, state: 'SCHEDULED', reason: null, waitingFor };
  expect((await play('explain', {}, { run }, 'table')).out).toBe(
    'The run is SCHEDULED.\nIts time has not come. Until 2030-01-01T00:00:00Z.\n' +
      'All slots are busy. More would help.\n',
  );
  const ended = { id: RUN, state: 'DEAD', reason: 'attempt 3 failed', waitingFor: [] };
  expect((await play('explain', {}, { run: ended }, 'table')).out).toBe(
    'The run is DEAD.\nattempt 3 failed\n',
  );
});
