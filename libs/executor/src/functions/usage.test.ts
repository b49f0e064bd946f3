import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunnerBench } from '../testkit/attempts.js';

const MIB = 1_024 * 1_024;
const module = new URL('../fixtures/hostile.mjs', import.meta.url);
const isTold = existsSync('/proc/thread-self/schedstat');
let bench: RunnerBench;

beforeEach(() => {
  const names = ['burns', 'burnsLater', 'waitsFor'];
  const inline = { inline: () => 1 };
  const handlers = Object.fromEntries(names.map((name) => [name, { module }]));
  bench = new RunnerBench({ ...handlers, ...inline }, 1);
});

afterEach(() => {
  bench.close();
});

const WORK = { ms: 500, bytes: 100 * MIB };

describe.runIf(isTold)('what a function has used', () => {
  it.each(['burns', 'burnsLater'])('%s: the time and memory of its thread', async (name) => {
    const { outcome, cpuMs, memoryPeakBytes } = await bench.call(name, WORK);
    expect(outcome).toBe('SUCCEEDED');
    expect(Number.isInteger(cpuMs)).toBe(true);
    // It counts time that passes: others may have had the processor.
    expect(cpuMs).toBeGreaterThan(100);
    expect(cpuMs).toBeLessThan(700);
    expect(memoryPeakBytes).toBeGreaterThan(100 * MIB);
    expect(memoryPeakBytes).toBeLessThan(200 * MIB);
  });

  it('is little when it only waits', async () => {
    const { cpuMs, memoryPeakBytes } = await bench.call('waitsFor', { ms: 500, value: 1 });
    expect(cpuMs).toBeLessThan(100);
    expect(memoryPeakBytes).toBeLessThan(60 * MIB);
  });

  it('is unknown of who took turns with others in one thread', async () => {
    const params = JSON.stringify({ ms: 300, value: 1 });
    bench.start('a', { kind: 'function', name: 'waitsFor' }, { params });
    const burnt = await bench.call('burns', WORK);
    const waited = await bench.ended('a');
    expect(waited).toMatchObject({ outcome: 'SUCCEEDED', cpuMs: null, memoryPeakBytes: null });
    // Nobody else had a turn while this one ran.
    expect(burnt.cpuMs).toBeGreaterThan(100);
  });
});

it('of an inline function nobody can tell', async () => {
  expect(await bench.call('inline')).toMatchObject({ cpuMs: null, memoryPeakBytes: null });
});
