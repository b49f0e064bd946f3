import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { RunnerBench } from '../testkit/attempts.js';
import type { Handlers } from './runner.js';

const BOUND_MS = 20_000;
const MODULE = new URL('../fixtures/hostile.mjs', import.meta.url);
const NAMES = [
  ...['waits', 'waitsFor', 'spins', 'leaksBuffers', 'leaksBuffersAtOnce', 'leaksHeap', 'churns'],
  ...['leaksHeapAtOnce', 'rejects', 'pollutes', 'pollutesLater', 'floods', 'talksMuch'],
];
const handlers: Handlers = Object.fromEntries(NAMES.map((name) => [name, { module: MODULE }]));
const MIB = 1_024 * 1_024;
const isTold = existsSync('/proc/thread-self/schedstat');
let bench: RunnerBench;

beforeEach(() => {
  bench = new RunnerBench(handlers);
});

afterEach(() => {
  bench.close();
});

/** All calls in one thread: what one of them does is done to all. */
function share(): void {
  bench.close();
  bench = new RunnerBench(handlers, 1, { memoryBytesMax: 128 * MIB });
}
/** A thread is there in which nobody else is: whoever uses it alone knows what it has used. */
async function apart(): Promise<void> {
  if (!isTold) return;
  for (;;) {
    const { cpuMs } = await bench.call('waitsFor', { ms: 10, value: 0 });
    if (cpuMs !== null) return;
  }
}
const start = (run: string, name: string, params: unknown = null, work: object = {}): void => {
  bench.start(run, { kind: 'function', name }, { params: JSON.stringify(params), ...work });
};
/** It has begun: what came after it in its thread has had its turn. */
async function begun(): Promise<void> {
  expect((await bench.call('waitsFor', { ms: 0, value: 0 })).outcome).toBe('SUCCEEDED');
}

describe('an infinite loop', () => {
  it('ends with its time-out; who runs in another thread hears nothing of it', async () => {
    start('neighbour', 'waitsFor', { ms: 1_500, value: 1 });
    await apart();
    start('spins', 'spins', null, { timeoutMs: 100, graceMs: 50 });
    expect(await bench.call('waitsFor', { ms: 10, value: 2 })).toMatchObject({
      result: '[{"each":2}]',
    });
    expect(await bench.ended('spins')).toMatchObject({ outcome: 'TIMED_OUT' });
    expect(await bench.ended('neighbour')).toMatchObject({ result: '[{"each":1}]' });
  });

  it('is not the fault of who shares the thread: that one is LOST', async () => {
    share();
    start('neighbour', 'waits');
    await begun();
    start('spins', 'spins', null, { timeoutMs: 100, graceMs: 50 });
    expect(await bench.ended('spins')).toMatchObject({ outcome: 'TIMED_OUT' });
    expect(await bench.ended('neighbour')).toMatchObject({
      outcome: 'LOST',
      error: { class: 'THREAD_LOST' },
    });
    await begun();
  });
});

describe.runIf(isTold)('a leak of 2 GB', () => {
  it.each([
    ['leaksBuffers', 512],
    ['leaksBuffersAtOnce', 512],
    ['leaksHeap', 128],
    ['leaksHeapAtOnce', 128],
  ])(
    '%s ends as OUT_OF_MEMORY, and nobody else with it',
    async (name, mib) => {
      bench.close();
      bench = new RunnerBench(handlers, 2, { memoryBytesMax: mib * MIB });
      start('neighbour', 'waits');
      await apart();
      start('leaks', name);
      const { outcome, error } = await bench.ended('leaks', BOUND_MS);
      expect(outcome).toBe('FAILED');
      expect(error).toMatchObject({
        class: 'OUT_OF_MEMORY',
        message: expect.stringContaining(`${mib} MiB`) as string,
      });
      await begun();
      expect(bench.endings.has('neighbour')).toBe(false);
    },
    BOUND_MS + 5_000,
  );

  it('in a shared thread is charged to who certainly did it', async () => {
    share();
    start('neighbour', 'waits');
    await begun();
    start('leaks', 'leaksBuffersAtOnce');
    expect(await bench.ended('leaks', BOUND_MS)).toMatchObject({ outcome: 'FAILED' });
    expect(await bench.ended('neighbour')).toMatchObject({ outcome: 'LOST' });
    start('neighbour 2', 'waits');
    await begun();
    start('leaks 2', 'leaksBuffers');
    const both = [await bench.ended('leaks 2', BOUND_MS), await bench.ended('neighbour 2')];
    expect(both.map(({ outcome, error }) => [outcome, error?.class])).toEqual([
      ['LOST', 'OUT_OF_MEMORY'],
      ['LOST', 'OUT_OF_MEMORY'],
    ]);
    await begun();
  }, 60_000);

  it('is not what lets go of its memory again', async () => {
    expect(await bench.call('churns')).toMatchObject({ outcome: 'SUCCEEDED', result: '2400' });
  });
});

it('a rejection that nobody handles fails its own attempt', async () => {
  share();
  start('neighbour', 'waitsFor', { ms: 300, value: 1 });
  const { outcome, error } = await bench.call('rejects');
  expect(outcome).toBe('FAILED');
  expect(error).toMatchObject({ class: 'RangeError', message: 'nobody listens' });
  expect(await bench.ended('neighbour')).toMatchObject({ result: '[{"each":1}]' });
});

describe('a handler that changes the language', () => {
  const CHANGES = ['object', 'map', 'json', 'promise', 'then'];

  it.each(CHANGES)('(%s) has its result, and nobody comes after it', async (what) => {
    share();
    expect(await bench.call('pollutes', { what })).toMatchObject({ result: '"done"' });
    expect(await bench.call('waitsFor', { ms: 0, value: 1 })).toMatchObject({
      outcome: 'SUCCEEDED',
      result: '[{"each":1}]',
    });
  });

  it.each(CHANGES)('(%s) corrupts none that had begun or was to begin', async (what) => {
    share();
    start('begun', 'waitsFor', { ms: 50, value: 1 });
    await begun();
    start('pollutes', 'pollutes', { what });
    start('after', 'waitsFor', { ms: 0, value: 2 });
    expect(await bench.ended('pollutes')).toMatchObject({ result: '"done"' });
    expect(await bench.ended('begun')).toMatchObject({ outcome: 'LOST', result: null });
    expect(await bench.ended('after')).toMatchObject({ result: '[{"each":2}]' });
  });

  it.each(CHANGES)('(%s) somewhere in between corrupts none either', async (what) => {
    share();
    start('begun', 'waitsFor', { ms: 200, value: 1 });
    start('pollutes', 'pollutesLater', { what }, { timeoutMs: 3_000, graceMs: 0 });
    const { outcome, result } = await bench.ended('begun');
    expect([outcome, result]).toEqual(['LOST', null]);
    expect(await bench.call('waitsFor', { ms: 0, value: 2 })).toMatchObject({
      result: '[{"each":2}]',
    });
  });
});

describe('a flood of words', () => {
  it('of progress is told as the newest of each turn', async () => {
    const before = process.memoryUsage.rss();
    expect(await bench.call('floods')).toMatchObject({ result: '"done"' });
    expect(bench.progress).toEqual(['run-1 100 step 1000000']);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MIB);
  });

  it('of its log makes the thread wait; nothing is left out, and little is held', async () => {
    const { result } = await bench.call('talksMuch');
    expect(Number(result)).toBeLessThan(64 * MIB);
    await until(() => bench.logOf('run-1', 'log').length === 10_000_000, BOUND_MS);
    expect(bench.logOf('run-1', 'log')).toMatch(/099999 x{92}\n$/);
  });
});
