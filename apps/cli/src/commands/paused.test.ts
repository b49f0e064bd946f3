import { expect, test } from 'vitest';
import { actions } from './actions.js';
import { runs } from './runs.js';
import { play } from './testkit/play.js';

const ID = 'r1';
const words = [ID];
const held = { how: 'HOLD', by: 'key:ana', reason: 'the disk is full', byJob: false };
const frozen = { ...held, how: 'FREEZE', at: '2030-01-01T00:00:00Z' };

test.each([
  [held, 'paused by key:ana: the disk is full'],
  [{ ...held, byJob: true }, 'paused with its job by key:ana: the disk is full'],
  [{ ...held, how: 'FREEZE' }, 'frozen by key:ana: the disk is full'],
  [null, 'its own'],
])('runs ls: %j is said as %j', async (paused, said) => {
  const run = { id: ID, state: 'X', job: null, kind: 'SHELL', priority: 5, submittedAt: 'then' };
  const nodes = [{ ...run, reason: 'its own', paused }];
  const values = { paused: true };
  const listed = await play(runs, 'runs ls', values, { runs: { nodes } }, { format: 'table' });
  expect(listed.out).toMatch(new RegExp(`then +${said}$`, 'm'));
  expect(listed.variables).toMatchObject({ filter: { paused: true } });
});

test('runs get: who has frozen it, and what was made of it', async () => {
  const retries = [
    { id: 'r3', state: 'READY' },
    { id: 'r2', state: 'DEAD' },
  ];
  const retriedAs = retries[0];
  const run = { id: ID, job: null, waitingFor: [], paused: frozen, retriedAs, retries };
  const { out } = await play(runs, 'runs get', {}, { run }, { words, format: 'table' });
  const since = 'frozen by key:ana at 2030-01-01T00:00:00Z: the disk is full';
  expect(out).toMatch(new RegExp(`^paused +${since}$`, 'm'));
  expect(out).toMatch(/^retriedAs +r3 \(READY\)$/m);
  expect(out).toMatch(/^retries +r3 \(READY\), r2 \(DEAD\)$/m);
  const { out: json } = await play(runs, 'runs get', {}, { run }, { words });
  expect(JSON.parse(json)).toMatchObject({ paused: frozen, retriedAs, retries });
});

test.each([
  ['pause', 'pauseRun', { freeze: true }, frozen, 'frozen by key:ana at 2030'],
  ['pause', 'pauseRun', {}, held, 'paused by key:ana'],
  ['resume', 'resumeRun', {}, null, 'RUNNING'],
  ['cancel', 'cancelRun', {}, undefined, 'RUNNING'],
] as const)('runs %s says when nothing changed', async (verb, mutation, values, paused, said) => {
  const answer = (changed: boolean): unknown => ({
    [mutation]: {
      pending: false,
      changed,
      run: { id: ID, state: 'RUNNING', paused },
      userErrors: [],
    },
  });
  const all = [...actions, ...runs];
  const first = await play(all, `runs ${verb}`, values, answer(true), { words });
  expect(first.err).toBe('');
  const again = await play(all, `runs ${verb}`, values, answer(false), { words });
  const { notice } = JSON.parse(again.err) as { readonly notice: string };
  expect(notice).toContain(`nothing changed: run r1 is ${said}`);
  expect(JSON.parse(again.out)).toMatchObject({ id: ID, changed: false });
});

test('runs retry names the run that was made before', async () => {
  const answer = (changed: boolean, ...before: readonly string[]): unknown => {
    const retries = ['r9', ...before].map((id) => ({ id }));
    const run = { id: 'r9', state: 'READY', retryOf: { retries } };
    return { retryRun: { pending: false, changed, run, userErrors: [] } };
  };
  const again = await play(actions, 'runs retry', {}, answer(true, 'r3', 'r2'), { words });
  expect(JSON.parse(again.err)).toEqual({
    notice: 'run r1 was retried before, as r3; new run r9, for r1',
  });
  const shown = { id: 'r9', state: 'READY', pending: false, changed: true };
  expect(JSON.parse(again.out)).toEqual(shown);
  // The first one, also when its answer was lost and it was sent again.
  for (const changed of [true, false]) {
    const { err } = await play(actions, 'runs retry', {}, answer(changed), { words });
    expect(JSON.parse(err)).toEqual({ notice: `${changed ? 'new run' : 'run'} r9, for r1` });
  }
});
