import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { RunnerBench } from '../testkit/attempts.js';

const BOUND_MS = 8_000;
const MIB = 1_024 * 1_024;
const isTold = existsSync('/proc/self/stat');
let bench: RunnerBench;

beforeEach(() => {
  bench = new RunnerBench();
});

afterEach(() => {
  bench.close();
});

const node = (program: string): string =>
  `'${process.execPath}' -e '${program.replaceAll(/\s+/g, ' ')}'`;
/** 0.5 s of its own processor time, however many others there are; told in steps of 10 ms. */
const BURN = `const until = process.cpuUsage().user + 5e5;
  while (process.cpuUsage().user < until) for (let i = 0; i < 1e6; i++);`;

describe.runIf(isTold)('what a shell attempt has used', () => {
  it('is its processor time and the most memory it had', async () => {
    const { error, cpuMs, memoryPeakBytes } = await bench.shell(
      node(`const kept = Buffer.alloc(100 * ${MIB}, 1); ${BURN} console.log(kept.length)`),
    );
    expect(error).toBe(null);
    expect(cpuMs).toBeGreaterThanOrEqual(450);
    expect(cpuMs).toBeLessThan(1_500);
    expect(memoryPeakBytes).toBeGreaterThan(100 * MIB);
    expect(memoryPeakBytes).toBeLessThan(300 * MIB);
  });

  it('counts the children that it waited for, those too that nobody looked at', async () => {
    const burn = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done';
    const quick = await bench.shell(`for j in 1 2 3 4 5 6 7 8; do sh -c '${burn}'; done; true`);
    expect(quick.cpuMs).toBeGreaterThanOrEqual(40);
    const below = await bench.shell(`sh -c "${node(BURN).replaceAll('"', '')}; true"; true`);
    expect(below.outcome).toBe('SUCCEEDED');
    expect(below.cpuMs).toBeGreaterThanOrEqual(450);
  });

  it('is that of the one, and not of its neighbour', async () => {
    const file = path.join(bench.directory, 'done');
    bench.start('idle', {
      kind: 'shell',
      command: `while [ ! -e ${file} ]; do sleep 0.1; done`,
    });
    await bench.shell(`${node(BURN)}; touch ${file}`);
    const { cpuMs, memoryPeakBytes } = await bench.ended('idle');
    expect(cpuMs).toBeLessThan(200);
    expect(memoryPeakBytes).toBeLessThan(20 * MIB);
  });

  it('is told of an attempt that is killed as well', async () => {
    const command = node(`${BURN} console.log(1); for (;;);`);
    const token = bench.start('r', { kind: 'shell', command });
    await until(() => bench.logOf('r', 'stdout') === '1\n', BOUND_MS);
    bench.attempts.stop(token, 0, 'asked');
    const { outcome, cpuMs } = await bench.ended('r');
    expect(outcome).toBe('CANCELLED');
    expect(cpuMs).toBeGreaterThanOrEqual(450);
  });
});

it('nobody tells what was never started', async () => {
  const ending = await bench.shell('true', { shell: '/no/such/shell' });
  expect(ending).toMatchObject({ cpuMs: null, memoryPeakBytes: null });
});
