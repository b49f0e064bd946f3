import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '#actor';
import { isAlive, statOf } from '#process';
import { RunnerBench } from '../testkit/attempts.js';

const BOUND_MS = 5_000;
let bench: RunnerBench;

beforeEach(() => {
  bench = new RunnerBench({ noop: () => null });
});
afterEach(() => {
  bench.close();
});

const at = (name: string): string => path.join(bench.directory, name);
/** D: a shell that waits in vfork for its child, which is stopped before its exec. */
const isStopped = (pid: number): boolean => /^[TD]$/.test(statOf(pid)?.[0] ?? '');
async function pidFrom(name: string): Promise<number> {
  const file = at(name);
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'), BOUND_MS);
  return Number(readFileSync(file, 'utf8'));
}

const TICKS = 'while :; do echo tick; sleep 0.05; done';
const ticks = (run: string): number => bench.logOf(run, 'stdout').split('\n').length - 1;
async function fiveMore(run: string): Promise<void> {
  const before = ticks(run);
  await until(() => ticks(run) >= before + 5, BOUND_MS);
}
/** One that has left its group, and the leader of the group. */
async function tree(run: string, trap: string) {
  const command =
    `${trap}; setsid sh -c "${trap}; echo \\$\\$ > ${at('away')}; sleep 100" & ` +
    `echo $$ > ${at('leader')}; while :; do sleep 0.02; done`;
  const token = bench.start(run, { kind: 'shell', command });
  return { token, leader: await pidFrom('leader'), away: await pidFrom('away') };
}

describe('a shell attempt that is frozen (1.7)', () => {
  it('writes nothing while another one writes, and goes on after the thaw', async () => {
    const token = bench.start('frozen', { kind: 'shell', command: TICKS });
    bench.start('other', { kind: 'shell', command: TICKS });
    await fiveMore('frozen');
    expect(bench.attempts.freeze(token, true)).toBe(true);
    // What was in the pipe by then is still read.
    await fiveMore('other');
    const before = ticks('frozen');
    await fiveMore('other');
    expect(ticks('frozen')).toBe(before);
    expect(bench.attempts.freeze(token, true)).toBe(true);
    expect(bench.attempts.freeze(token, false)).toBe(true);
    await fiveMore('frozen');
  });

  it('stops as a whole tree, with what has left its group', async () => {
    const { token, leader, away } = await tree('whole', ':');
    bench.attempts.freeze(token, true);
    await until(() => isStopped(leader) && isStopped(away), BOUND_MS);
    bench.attempts.freeze(token, false);
    await until(() => !isStopped(leader) && !isStopped(away), BOUND_MS);
    expect([leader, away].map(isAlive)).toEqual([true, true]);
  });

  it('is told to end, and goes on as far as it needs to for that', async () => {
    const command = `trap 'echo bye; exit 0' TERM; ${TICKS}`;
    const token = bench.start('told', { kind: 'shell', command });
    await fiveMore('told');
    bench.attempts.freeze(token, true);
    bench.attempts.stop(token, 60_000, 'a person asked');
    expect(bench.attempts.freeze(token, true)).toBe(false);
    const ending = await bench.ended('told');
    expect(ending).toMatchObject({ outcome: 'CANCELLED', error: { message: 'a person asked' } });
    expect(bench.logOf('told', 'stdout')).toContain('bye');
  });

  it.each([0, 50])('is killed after a grace of %i ms, wherever it went', async (graceMs) => {
    const { token, leader, away } = await tree(`killed-${graceMs}`, "trap '' TERM");
    bench.attempts.freeze(token, true);
    await until(() => isStopped(leader) && isStopped(away), BOUND_MS);
    bench.attempts.stop(token, graceMs, 'asked');
    expect(await bench.ended(`killed-${graceMs}`)).toMatchObject({ outcome: 'CANCELLED' });
    await until(() => !isAlive(leader) && !isAlive(away), BOUND_MS);
  });

  it('ends with its executor, as LOST', async () => {
    const { token, leader } = await tree('stopped', ':');
    bench.attempts.freeze(token, true);
    await until(() => isStopped(leader), BOUND_MS);
    bench.attempts.stopAll(60_000);
    expect(await bench.ended('stopped')).toMatchObject({ outcome: 'LOST', signal: 'SIGTERM' });
    expect(isAlive(leader)).toBe(false);
  });

  it('ended by somebody else leaves nothing that stands still for ever', async () => {
    const { token, leader, away } = await tree('orphaned', ':');
    bench.attempts.freeze(token, true);
    await until(() => isStopped(away), BOUND_MS);
    process.kill(leader, 'SIGKILL');
    expect(await bench.ended('orphaned')).toMatchObject({ outcome: 'FAILED', signal: 'SIGKILL' });
    await until(() => !isStopped(away), BOUND_MS);
    if (isAlive(away)) process.kill(away, 'SIGKILL');
  });

  it('cannot be what is no tree of processes, or is not there', async () => {
    const token = bench.start('f', { kind: 'function', name: 'noop' });
    expect(bench.attempts.freeze(token, true)).toBe(false);
    await bench.ended('f');
    const shell = bench.start('s', { kind: 'shell', command: 'true' });
    await bench.ended('s');
    expect(bench.attempts.freeze(shell, true)).toBe(false);
    expect(bench.attempts.freeze(shell, false)).toBe(false);
  });
});
