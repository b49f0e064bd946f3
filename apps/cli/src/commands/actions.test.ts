import { expect, test } from 'vitest';
import type { OutputFormat } from '../output/render.js';
import { CommandProblem } from '../problem.js';
import { actions } from './actions.js';
import type { Values } from './command.js';
import { runs } from './runs.js';
import { type Played, play } from './testkit/play.js';

const RUN = '01900000-0000-7000-8000-000000000001';

const act = (
  name: string,
  values: Values,
  data: unknown,
  format: OutputFormat = 'json',
): Promise<Played> => play(actions, `runs ${name}`, values, data, { words: [RUN], format });
const done = (mutation: string, more: object = {}): unknown => ({
  [mutation]: { run: { id: RUN, state: 'READY' }, userErrors: [], ...more },
});

test.each([
  ['pause', { reason: 'x' }, 'pauseRun', { reason: 'x' }],
  ['pause', { freeze: true }, 'pauseRun', { how: 'FREEZE' }],
  ['resume', {}, 'resumeRun', {}],
  ['update', { priority: '1', after: '10m' }, 'updateRun', { priority: 1, after: '10m' }],
  ['mark', { as: 'skipped', reason: 'x' }, 'markRun', { as: 'SKIPPED', reason: 'x' }],
  ['retry', { params: '{"a":1}', pool: 'p' }, 'retryRun', { params: { a: 1 }, pool: 'p' }],
] as const)('runs %s asks for what was given, and nothing else', async (...given) => {
  const [name, values, mutation, input] = given;
  const answer = done(mutation, { pending: true, changed: false });
  const { out, err, document, variables } = await act(name, values, answer);
  expect(document).toMatch(
    new RegExp(`${mutation}\\(input: \\$input\\) \\{\\s+pending changed run`),
  );
  expect(variables).toEqual({ input: { id: RUN, ...input } });
  // What is pending may change something yet.
  expect([JSON.parse(out), err]).toEqual([
    { id: RUN, state: 'READY', pending: true, changed: false },
    '',
  ]);
});

test('runs clone: never pending, and it says when another run stands for it', async () => {
  const run = { id: RUN, state: 'READY' };
  const cloneRun = { run, replayed: true, userErrors: [] };
  const { out, document } = await act('clone', { priority: '2' }, { cloneRun });
  expect(document).not.toContain('pending');
  expect(JSON.parse(out)).toEqual({ ...run, replayed: true });
});

test('a user error, and words that say nothing, are problems', async () => {
  const userErrors = [{ code: 'RUN_STARTED', path: ['id'], message: 'It runs.', hint: null }];
  const refused = act('pause', {}, { pauseRun: { run: null, pending: false, userErrors } });
  await expect(refused).rejects.toThrow('It runs.');
  const hint = 'To run it again: retryRun or cloneRun.';
  const final = [{ code: 'RUN_FINAL', path: ['id'], message: 'It is DEAD.', hint }];
  const again = act('pause', {}, { pauseRun: { run: null, pending: false, userErrors: final } });
  await expect(again).rejects.toMatchObject({
    message:
      'It is DEAD. (RUN_FINAL) To run it again: ' +
      `orrery runs retry ${RUN} or orrery runs clone ${RUN}.`,
  });
  await expect(act('mark', { as: 'DEAD' }, {})).rejects.toThrow(
    "--as is one of SUCCEEDED, SKIPPED, not 'DEAD'.",
  );
  await expect(act('update', { priority: '11' }, {})).rejects.toThrow(CommandProblem);
  const message = expect.stringContaining('Say what to change') as string;
  await expect(act('update', {}, {})).rejects.toMatchObject({ message, exitCode: 2 });
});

test('runs resume of a run whose job is paused names the job', async () => {
  const path = ['id'];
  const refusal = { code: 'JOB_PAUSED', path, message: 'Its job is.', hint: 'Use resumeJob.' };
  const run = { id: RUN, state: 'PAUSED', job: { name: 'nightly' } };
  const refused = act('resume', {}, { resumeRun: { run, pending: false, userErrors: [refusal] } });
  await expect(refused).rejects.toThrow('Use orrery jobs resume nightly.');
});

test.each([
  ['mark', { as: 'SKIPPED', reason: 'x' }, 'markRun'],
  ['retry', {}, 'retryRun'],
] as const)('runs %s says which new run stands for it', async (name, values, mutation) => {
  const answer = { [mutation]: { run: { id: 'r9', state: 'READY' }, userErrors: [] } };
  const { err } = await act(name, values, answer, 'table');
  expect(err).toBe(`new run r9, for ${RUN}\n`);
});

test('runs logs of an attempt that was never made says how many there are', async () => {
  const log = { nodes: [], pageInfo: { endCursor: null, hasNextPage: false } };
  const run = { attempts: [{ number: 1 }, { number: 2 }], log };
  const asked = play(runs, 'runs logs', { attempt: '7' }, { run }, { words: [RUN] });
  await expect(asked).rejects.toMatchObject({
    message: `There is no attempt 7: the run ${RUN} has 2 attempts so far.`,
    exitCode: 1,
  });
});

test('runs get tells what a run was made of', async () => {
  const run = { id: RUN, job: null, waitingFor: [], reusedFrom: { id: 'r0', state: 'SUCCEEDED' } };
  const { document, out } = await play(runs, 'runs get', {}, { run }, { words: [RUN] });
  for (const field of ['reusedFrom { id', 'retryOf { id', 'discarded { at by reason }']) {
    expect(document).toContain(field);
  }
  expect(JSON.parse(out)).toMatchObject({ reusedFrom: { id: 'r0' } });
});

test('runs explain and runs get say what to do as commands', async () => {
  const hint = 'resumeJob lets all its runs go on.';
  const waitingFor = [{ kind: 'PAUSED', text: 'Its job was paused by x.', hint }];
  const run = { id: RUN, state: 'PAUSED', job: { name: 'nightly' }, waitingFor };
  const said = 'orrery jobs resume nightly lets all its runs go on.';
  for (const [all, name] of [
    [actions, 'runs explain'],
    [runs, 'runs get'],
  ] as const) {
    const { out } = await play(all, name, {}, { run }, { words: [RUN] });
    expect(JSON.parse(out)).toMatchObject({ waitingFor: [{ kind: 'PAUSED', hint: said }] });
  }
});

test('runs explain says it in words', async () => {
  const waitingFor = [
    {
      kind: 'NOT_DUE',
      text: 'Its time has not come.',
      hint: null,
      until: '2030-01-01T00:00:00Z',
      nearest: null,
    },
    {
      kind: 'NO_EXECUTOR',
      text: 'None can run it.',
      hint: 'More would help.',
      until: null,
      nearest: ['x1 lacks http\u001b[2J.', 'x2 is OFFLINE.'],
    },
  ];
  const run = {
    id: RUN,
    state: 'SCHEDULED',
    reason: null,
    job: null,
    expectedFinish: null,
    waitingFor,
  };
  expect((await act('explain', {}, { run }, 'table')).out).toBe(
    'The run is SCHEDULED.\nIts time has not come. Until 2030-01-01T00:00:00Z.\n' +
      'None can run it. More would help.\n  - x1 lacks http?[2J.\n  - x2 is OFFLINE.\n',
  );
  const ended = { ...run, state: 'DEAD', reason: 'attempt 3 failed', waitingFor: [] };
  expect((await act('explain', {}, { run: ended }, 'table')).out).toBe(
    'The run is DEAD.\nattempt 3 failed\n',
  );
  const running = {
    ...ended,
    state: 'RUNNING',
    reason: null,
    expectedFinish: '2030-01-01T00:00:00Z',
  };
  expect((await act('explain', {}, { run: running }, 'table')).out).toBe(
    'The run is RUNNING.\nIt is expected to end at 2030-01-01T00:00:00Z.\n',
  );
});
