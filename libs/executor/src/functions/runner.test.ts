import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { RunnerBench } from '../testkit/attempts.js';
import type { HandlerContext } from './handler.js';
import type { Handlers } from './runner.js';

const BOUND_MS = 5_000;
const MODULE = new URL('../fixtures/handlers.mjs', import.meta.url);
const NAMES = [
  ...['noop', 'add', 'facts', 'talks', 'fails', 'exits', 'exitsLater', 'throwsLater', 'heeds'],
  ...['ignores', 'spins', 'large', 'cyclic', 'bigint', 'nothing', 'notJson', 'absent'],
];
const modules: Handlers = Object.fromEntries(NAMES.map((name) => [name, { module: MODULE }]));
const inline: Handlers = {
  plain: (params, { attempt }) => ({ params, attempt }),
  throws: () => {
    throw new TypeError('inline');
  },
  waits: (_params, { signal }: HandlerContext) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('heeded')));
    }),
  later: () => {
    throw Object.assign(new Error('busy'), { retry: 1_500 });
  },
  refuses: () => {
    throw Object.assign(new Error('broken'), { retry: 'never' });
  },
  never: () => new Promise(() => undefined),
  quits: async () => {
    await Promise.resolve();
    process.exit(3);
  },
};
let bench: RunnerBench;

beforeEach(() => {
  bench = new RunnerBench({ ...modules, ...inline });
});

afterEach(() => {
  bench.close();
});

describe('when it wants to be tried again (R74)', () => {
  it.each([
    ['later', 1_500],
    ['refuses', -1],
    ['throws', null],
  ])('%s says %s', async (name, retryMs) => {
    expect((await bench.call(name)).error).toMatchObject({ retryMs });
  });
});

describe('a function in a worker thread', () => {
  it('gets its params and its context, and nothing of our environment', async () => {
    expect(await bench.call('add', { a: 1, b: 2 })).toMatchObject({
      outcome: 'SUCCEEDED',
      result: '3',
    });
    const { result } = await bench.call('facts', [1]);
    expect(JSON.parse(result ?? '')).toEqual({
      ...{ params: [1], runId: 'run-2', attempt: 1, job: 'j', project: 'p', environment: [] },
    });
    expect(await bench.call('nothing')).toMatchObject({ outcome: 'SUCCEEDED', result: 'null' });
  });

  it('logs, and tells its progress', async () => {
    await bench.call('talks');
    expect(bench.logOf('run-1', 'log')).toBe('first\nsecond {"n":2}\n');
    expect(bench.progress).toEqual(['run-1 50 half']);
  });

  it('fails with class, message, code and stack', async () => {
    const { outcome, error } = await bench.call('fails');
    expect(outcome).toBe('FAILED');
    expect(error).toMatchObject({ class: 'RangeError', message: 'out of range', code: 'E_TEST' });
    expect(error?.stack).toContain('handlers.mjs');
  });

  it.each([
    ['large', /307202 bytes/],
    ['cyclic', /circular/],
    ['bigint', /BigInt/],
    ['notJson', /function is no JSON/],
  ])('has no valid result: %s', async (name, message) => {
    const { outcome, error } = await bench.call(name);
    expect(outcome).toBe('FAILED');
    expect(error).toMatchObject({ class: 'RESULT_INVALID', message });
  });

  it('fails in words when its module has no such function', async () => {
    const { error } = await bench.call('absent');
    expect(error?.message).toContain('no function with the name absent');
  });

  it.each([
    ['exits', 'EXITED', 'process.exit(3)'],
    ['exitsLater', 'EXITED', 'process.exit(4)'],
    ['throwsLater', 'TypeError', 'later'],
  ])('harms nobody but itself: %s', async (name, errorClass, message) => {
    bench.close();
    bench = new RunnerBench({ ...modules }, 1);
    bench.start('other', { kind: 'function', name: 'heeds' }, { timeoutMs: 300 });
    const { outcome, error } = await bench.call(name);
    expect(outcome).toBe('FAILED');
    expect(error).toMatchObject({ class: errorClass });
    expect(error?.message).toContain(message);
    expect(await bench.call('noop')).toMatchObject({ outcome: 'SUCCEEDED' });
    expect(await bench.ended('other')).toMatchObject({ outcome: 'TIMED_OUT' });
  });

  it('is asked to end, and ends CANCELLED', async () => {
    const token = bench.start('r', { kind: 'function', name: 'heeds' });
    bench.attempts.stop(token, 5_000, 'asked');
    expect(await bench.ended('r')).toMatchObject({ outcome: 'CANCELLED' });
  });

  it.each(['ignores', 'spins'])(
    'is ended with its thread when it %s its time-out',
    async (name) => {
      const work = { timeoutMs: 50, graceMs: 50 };
      bench.start('r', { kind: 'function', name }, work);
      expect(await bench.ended('r')).toMatchObject({ outcome: 'TIMED_OUT' });
      expect(await bench.call('noop')).toMatchObject({ outcome: 'SUCCEEDED' });
    },
  );

  it('moves a call that had not begun out of a thread that is ended', async () => {
    bench.close();
    bench = new RunnerBench({ ...modules }, 1);
    // Its time begins when it is given to a thread, which takes a while to start.
    await bench.call('noop');
    const file = path.join(bench.directory, 'spinning');
    const params = JSON.stringify({ file });
    const work = { params, timeoutMs: 400, graceMs: 25 };
    bench.start('spin', { kind: 'function', name: 'spins' }, work);
    await until(() => existsSync(file), BOUND_MS);
    expect(await bench.call('add', { a: 2, b: 2 })).toMatchObject({ result: '4' });
    expect(await bench.ended('spin')).toMatchObject({ outcome: 'TIMED_OUT' });
  });

  it('runs many thousand calls a second', async () => {
    await bench.call('noop');
    const calls = 20_000;
    const began = performance.now();
    for (let i = 0; i < calls; i++) bench.start(`c${i}`, { kind: 'function', name: 'noop' });
    await until(() => bench.endings.size === calls + 1, BOUND_MS);
    const perSecond = (calls / (performance.now() - began)) * 1_000;
    // A bound that only a cost per call of another order can miss, on any machine.
    expect(perSecond).toBeGreaterThan(5_000);
  });
});

describe('an inline function', () => {
  it('runs in the host', async () => {
    expect(await bench.call('plain', 7)).toMatchObject({ result: '{"params":7,"attempt":1}' });
    expect((await bench.call('throws')).error).toMatchObject({ class: 'TypeError' });
  });

  it('ends itself, and not the program round it, when it calls process.exit', async () => {
    const { outcome, error } = await bench.call('quits');
    expect([outcome, error?.message]).toEqual(['FAILED', 'the function called process.exit(3)']);
    expect(await bench.call('plain', 1)).toMatchObject({ outcome: 'SUCCEEDED' });
  });

  it('is asked to end, and abandoned when it does not', async () => {
    const waits = bench.start('waits', { kind: 'function', name: 'waits' });
    bench.attempts.stop(waits, 5_000, 'asked');
    expect(await bench.ended('waits')).toMatchObject({ outcome: 'CANCELLED' });
    bench.start('never', { kind: 'function', name: 'never' }, { timeoutMs: 30, graceMs: 30 });
    expect(await bench.ended('never')).toMatchObject({ outcome: 'TIMED_OUT' });
  });
});
