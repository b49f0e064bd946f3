import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { RunnerBench } from '../testkit/attempts.js';
import { Output } from './output.js';
import { isAlive } from '#process';
import { findMarked } from './processes.js';

const BOUND_MS = 5_000;
let bench: RunnerBench;

beforeEach(() => {
  bench = new RunnerBench();
});

afterEach(() => {
  bench.close();
});

const at = (name: string): string => path.join(bench.directory, name);

async function pidFrom(name: string): Promise<number> {
  const file = at(name);
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'), BOUND_MS);
  return Number(readFileSync(file, 'utf8'));
}

describe('the result of a shell attempt', () => {
  it('is both streams when stdout ends in no JSON', async () => {
    const ending = await bench.shell('echo hi; echo oh >&2');
    expect(ending).toMatchObject({ outcome: 'SUCCEEDED', exitCode: 0, signal: null, error: null });
    expect(JSON.parse(ending.result ?? '')).toEqual({ stdout: 'hi\n', stderr: 'oh\n' });
    expect(bench.logOf('run-1', 'stdout')).toBe('hi\n');
    expect(bench.logOf('run-1', 'stderr')).toBe('oh\n');
    expect(bench.started).toEqual(['run-1']);
  });

  it('is the last line of stdout when that is JSON', async () => {
    const ending = await bench.shell(`echo working; echo '{"rows": 3}'`);
    expect(ending.result).toBe('{"rows": 3}');
  });

  it('is what the job wrote to ORRERY_RESULT_FILE', async () => {
    const ending = await bench.shell(`echo '[1, 2]' > $ORRERY_RESULT_FILE; echo '{}'`);
    expect(ending).toMatchObject({ outcome: 'SUCCEEDED', exitCode: 0, result: '[1, 2]' });
  });

  it.each([
    ['no JSON', `echo '{' > $ORRERY_RESULT_FILE`, /holds no JSON/],
    ['too large', `head -c 300000 /dev/zero > $ORRERY_RESULT_FILE`, /300000 bytes/],
    ['no file', `mkdir $ORRERY_RESULT_FILE`, /no plain file/],
  ])('is invalid when that is %s', async (_what, command, message) => {
    const ending = await bench.shell(command);
    expect(ending).toMatchObject({ outcome: 'FAILED', exitCode: 0 });
    expect(ending.error).toMatchObject({ class: 'RESULT_INVALID', message });
  });

  it('says how it failed: code, signal, and the last words', async () => {
    const ending = await bench.shell('echo first >&2; echo the disk is full >&2; exit 3');
    expect(ending).toMatchObject({ outcome: 'FAILED', exitCode: 3, signal: null });
    expect(ending.error).toMatchObject({
      class: 'EXIT',
      code: '3',
      message: 'exited with code 3: the disk is full',
      stack: 'first\nthe disk is full\n',
    });
    const killed = await bench.shell('kill -KILL $$');
    expect(killed).toMatchObject({ outcome: 'FAILED', exitCode: null, signal: 'SIGKILL' });
    expect(killed.error).toMatchObject({ class: 'SIGNAL', code: 'SIGKILL' });
  });

  it('keeps both ends of a flood', async () => {
    const ending = await bench.shell(`echo first; seq 1 200000; echo last`);
    const { stdout } = JSON.parse(ending.result ?? '') as { stdout: string };
    expect(stdout).toHaveLength(4_096);
    expect(stdout.endsWith('200000\nlast\n')).toBe(true);
  });

  it('is a failure in words when the program or its directory is not there', async () => {
    const noShell = await bench.shell('true', { shell: '/no/such/shell' });
    expect(noShell.error).toMatchObject({
      class: 'SPAWN',
      message: expect.stringMatching(/\/no\/such\/shell/) as string,
    });
    const noDirectory = await bench.shell('true', { workingDirectory: '/no/such/place' });
    expect(noDirectory.error).toMatchObject({
      class: 'SPAWN',
      message: expect.stringMatching(/\/no\/such\/place/) as string,
    });
  });
});

describe('what a shell attempt finds', () => {
  it('is a small environment with its marks, and nothing of ours', async () => {
    const more = { environment: { MINE: 'yes', ORRERY_RUN_ID: 'forged' } };
    const script = `node -e 'console.log(JSON.stringify(process.env))'`;
    const params = { params: '{"a":1}' };
    const environment = { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin` };
    const spec = { environment: { ...more.environment, ...environment } };
    const ending = await bench.shell(script, spec, params);
    const found = JSON.parse(ending.result ?? '') as Record<string, string>;
    expect(found).toMatchObject({
      ...{ MINE: 'yes', HOME: '/', LANG: 'C.UTF-8', ORRERY_RUN_ID: 'run-1' },
      ...{ ORRERY_ATTEMPT: '1', ORRERY_JOB: 'j', ORRERY_PROJECT: 'p', ORRERY_EXECUTOR: 'x' },
      ORRERY_PARAMS: '{"a":1}',
    });
    expect(Object.keys(found).filter((name) => /VITEST|NODE_ENV/.test(name))).toEqual([]);
  });

  it('is a file when its params are too large for a variable', async () => {
    const params = JSON.stringify('x'.repeat(200_000));
    const ending = await bench.shell('wc -c < $ORRERY_PARAMS_FILE', {}, { params });
    expect(ending.result).toBe('200002');
  });

  it('is a private directory that is removed, or the one it names', async () => {
    const ending = await bench.shell('touch mine; pwd');
    const { stdout } = JSON.parse(ending.result ?? '') as { stdout: string };
    expect(stdout.startsWith(bench.directory)).toBe(true);
    await until(() => readdirSync(bench.directory).length === 0, BOUND_MS);
    const named = await bench.shell('pwd', { workingDirectory: tmpdir() });
    expect(named.result).toContain(tmpdir());
  });
});

describe('the end of a shell attempt', () => {
  it('comes with SIGTERM within the grace: CANCELLED, also when it exits with 0', async () => {
    const command = `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done`;
    const token = bench.start('r', { kind: 'shell', command });
    await until(() => bench.logOf('r', 'stdout') === 'ready\n', BOUND_MS);
    bench.attempts.stop(token, 5_000, 'a person asked');
    const ending = await bench.ended('r');
    expect(ending).toMatchObject({ outcome: 'CANCELLED', error: { message: 'a person asked' } });
    expect(bench.logOf('r', 'stdout')).toContain('bye');
  });

  it('comes with SIGKILL after the grace, to the whole tree and beyond its group', async () => {
    const command =
      `trap '' TERM; setsid sh -c 'echo $$ > ${at('away')}; sleep 100' & ` +
      `sh -c 'echo $$ > ${at('child')}; sleep 100' & echo ready; while :; do sleep 1; done`;
    const token = bench.start('r', { kind: 'shell', command });
    const pids = [await pidFrom('away'), await pidFrom('child')];
    expect(findMarked('x', [{ run: 'r', attempt: 1 }])).toEqual(expect.arrayContaining(pids));
    bench.attempts.stop(token, 50, 'asked');
    expect(await bench.ended('r')).toMatchObject({ outcome: 'CANCELLED' });
    await until(() => !pids.some(isAlive), BOUND_MS);
  });

  it('comes with its time-out', async () => {
    const work = { timeoutMs: 50, graceMs: 50 };
    const ending = await bench.shell(`trap '' TERM; sleep 100`, {}, work);
    expect(ending).toMatchObject({
      outcome: 'TIMED_OUT',
      error: { message: expect.stringMatching(/50 ms/) as string },
    });
  });

  it('waits for no child that holds the pipe, and leaves none behind', async () => {
    const ending = await bench.shell(`sleep 100 & echo $! > ${at('pid')}; echo done`);
    expect(ending.outcome).toBe('SUCCEEDED');
    const pid = await pidFrom('pid');
    await until(() => !isAlive(pid), BOUND_MS);
  });

  it('is LOST when the executor stops', async () => {
    bench.start('r', { kind: 'shell', command: 'sleep 100' });
    await until(() => bench.started.length === 1, BOUND_MS);
    bench.attempts.stopAll(100);
    expect(await bench.ended('r')).toMatchObject({ outcome: 'LOST' });
  });
});

describe('what is kept of a stream', () => {
  it('is whole characters', () => {
    const output = new Output();
    output.push(Buffer.from('é'.repeat(3_000)));
    expect(output.last(5)).toBe('éé');
    expect(output.lastLine()).toBe('é'.repeat(3_000));
  });

  it('is no last line when that began before what is kept', () => {
    const output = new Output();
    for (let i = 0; i < 400; i++) output.push(Buffer.alloc(1_024, 0x31));
    expect(output.lastLine()).toBeUndefined();
    output.push(Buffer.from('\n7\n'));
    expect(output.lastLine()).toBe('7');
    expect(output.excerpt(10)).toMatch(/^1{10}\n… \d+ bytes left out …\n1{7}\n7\n$/);
  });
});
