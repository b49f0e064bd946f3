import { describe, expect, test } from 'vitest';
import type { Token } from '../run/run.js';
import { DEFAULT_RETRY } from './retry.js';
import { Rig } from '../partition/rig/rig.js';

const DIED = { class: 'LOST', message: 'its process ended', code: 'EXECUTOR_DIED' };
const SILENT = { class: 'LOST', message: 'its machine was switched off', code: null };

function startOn(rig: Rig, executor: string): Token {
  rig.match('r', executor);
  const { token } = rig.cell('r');
  if (token === null) throw new Error('it was not granted');
  rig.step({ kind: 'started', token, agoMs: 0 });
  return token;
}

/** A run whose losses cost nothing, tried on each of these; `error`: how each attempt ends. */
function tried(executors: readonly string[], error: object): Rig {
  const rig = new Rig();
  rig.submit('r', {}, { freeLoss: true });
  for (const executor of executors) {
    const token = startOn(rig, executor);
    rig.result(token, 'LOST', { error: { stack: null, retryMs: null, ...error } as never });
    rig.commit();
    rig.tick(60_000);
    rig.commit();
  }
  return rig;
}

/** Each is given up as silent; its executor says later that its process died. */
function silentThenTold(executors: readonly string[], isGranted: boolean): Rig {
  const rig = new Rig();
  rig.submit('r', {}, { freeLoss: true });
  for (const executor of executors) {
    const token = startOn(rig, executor);
    rig.step({ kind: 'silent', executor, isHeld: false, unheardMs: 0 });
    rig.tick(10_000);
    rig.commit();
    if (isGranted) {
      rig.tick(60_000);
      rig.match('r', 'other');
    }
    rig.result(token, 'LOST', { error: { stack: null, retryMs: null, ...DIED } as never });
    rig.commit();
    rig.tick(60_000);
    if (isGranted && rig.rows.has('r')) rig.result(rig.cell('r').token as never, 'LOST');
    rig.tick(60_000);
    rig.commit();
  }
  return rig;
}

describe('a run whose executors come back later than their runs are lost', () => {
  test.each([
    ['while it waits', false],
    ['while another one has it', true],
  ])('%s: their word counts', (_, isGranted) => {
    const rig = silentThenTold(['x1', 'x2', 'x3'], isGranted);
    const run = rig.history.get('r');
    expect(run?.state).toBe('DEAD');
    expect(run?.record.reason).toMatch(/^poison: the processes of x1, x2 and x3 died/);
  });
});

describe('a run whose executors die while they run it (3.7)', () => {
  test('is DEAD after three, with its evidence, and takes no fourth', () => {
    const rig = tried(['x1', 'x2', 'x3'], DIED);
    const run = rig.history.get('r');
    expect(run?.state).toBe('DEAD');
    expect(run?.record.reason).toBe(
      'poison: the processes of x1, x2 and x3 died while they ran it (attempts 1, 2 and 3)',
    );
    expect(run?.record.attempts.map(({ executor }) => executor)).toEqual(['x1', 'x2', 'x3']);
  });

  test('one that dies three times proves nothing: it may be the machine', () => {
    expect(tried(['x1', 'x1', 'x2', 'x2'], DIED).cell('r').state).toBe('READY');
  });

  test('nor does what a handler calls so', () => {
    const rig = new Rig();
    rig.submit('r', {}, { retry: { ...DEFAULT_RETRY, maxAttempts: 9 } });
    for (const executor of ['x1', 'x2', 'x3']) {
      rig.match('r', executor);
      const error = { stack: null, retryMs: null, ...DIED } as never;
      rig.result(rig.cell('r').token as never, 'FAILED', { error });
      rig.tick(600_000);
      rig.commit();
    }
    expect(rig.cell('r').state).toBe('READY');
  });

  test('neither does silence: they may be well, and cut off', () => {
    expect(tried(['x1', 'x2', 'x3', 'x4'], SILENT).cell('r').state).toBe('READY');
  });
});
