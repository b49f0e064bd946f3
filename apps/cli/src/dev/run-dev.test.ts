import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  closeHomeForTest,
  endpoint,
  errorsOf,
  home,
  openHomeForTest,
  order,
  pidOf,
  type Run,
  run,
  saidBy,
  screenOf,
  until,
} from './fixtures/dev-run.js';
import { isAlive } from '#process';
import type { Endpoint } from './index.js';

beforeEach(openHomeForTest);
afterEach(closeHomeForTest);

describe('runDev', () => {
  it('starts in order, shows the screen, stops in order at Ctrl-C and exits with 0', async () => {
    const dev = run({ executors: 2 });
    const shown = await screenOf(dev);
    expect(endpoint()).toEqual(shown);
    expect(shown.processes.map(({ name }) => name).sort()).toEqual([
      'broker',
      'executor-1',
      'executor-2',
      'gateway',
      'postgres',
      'scheduler-1',
    ]);
    expect(dev.events.find(({ migrated }) => migrated)?.migrated).toBe(shown.databaseUrl);
    expect(order('start').slice(0, 2).sort()).toEqual(['broker', 'postgres']);
    dev.process.kill('SIGINT');
    expect(await dev.exit).toBe(0);
    expect(saidBy(dev)).toContain('stopping… (Ctrl-C once more ends all of it at once)');
    expect(saidBy(dev).join()).not.toContain('waiting for');
    expect(order('stop')).toEqual([
      'executor',
      'executor',
      'gateway',
      'scheduler',
      'broker',
      'postgres',
    ]);
    expect(endpoint()).toBeUndefined();
    expect(fs.existsSync(path.join(home, 'lock'))).toBe(false);
    expect(fs.readFileSync(path.join(home, 'logs', 'gateway.log'), 'utf8')).toContain(
      shown.databaseUrl,
    );
  });

  it('starts a killed child again, on the same ports', async () => {
    const dev = run();
    const shown = await screenOf(dev);
    for (const role of ['gateway', 'postgres', 'broker']) {
      const before = pidOf(role);
      process.kill(before, 'SIGKILL');
      await until(() => pidOf(role) !== before && pidOf(role) !== 0);
    }
    await until(() => order('start').filter((role) => role === 'gateway').length === 2);
    const { processes: _before, ...same } = shown;
    expect(endpoint()).toMatchObject(same);
    dev.process.kill('SIGTERM');
    expect(await dev.exit).toBe(0);
  });

  it('after kill -9 of the supervisor its children end, and the next has their ports', async () => {
    const dev = run();
    const shown = await screenOf(dev);
    dev.process.kill('SIGKILL');
    await dev.exit;
    const next = run();
    const again = await screenOf(next);
    for (const { pid } of shown.processes) expect(isAlive(pid)).toBe(false);
    expect({ ...again, processes: [] }).toEqual({ ...shown, processes: [] });
    next.process.kill('SIGINT');
    expect(await next.exit).toBe(0);
  });

  it('a second one on the same home answers with the pid of the first', async () => {
    const dev = run();
    await screenOf(dev);
    const second = run();
    expect(await second.exit).toBe(1);
    expect(errorsOf(second)).toEqual([
      expect.stringMatching(new RegExp(`already runs on .* with pid ${dev.process.pid}: .*\\.$`)),
    ]);
    expect(endpoint()).toBeDefined();
    dev.process.kill('SIGINT');
    await dev.exit;
  });

  it('kills who does not stop, within five seconds together', async () => {
    const stub = { STUB_STUBBORN: 'executor,gateway,scheduler,broker,postgres' };
    const dev = run({ executors: 2, stub });
    const shown = await screenOf(dev);
    const from = performance.now();
    dev.process.kill('SIGINT');
    expect(await dev.exit).toBe(0);
    expect(performance.now() - from).toBeLessThan(5_200);
    expect(saidBy(dev)).toContain('waiting for executor-1, executor-2, which have 2.0 s to end');
    expect(saidBy(dev).join()).toMatch(/waiting for postgres, which has \d\.\d s to end/);
    for (const { pid } of shown.processes) expect(isAlive(pid)).toBe(false);
  });

  it('a second Ctrl-C kills at once, but the echo of the first does not', async () => {
    const dev = run({ stub: { STUB_STUBBORN: 'executor', STUB_CLINGING: 'executor' } });
    const shown = await screenOf(dev);
    const from = performance.now();
    dev.process.kill('SIGINT');
    dev.process.kill('SIGINT');
    await until(() => order('stop').length === 1);
    let exited = false;
    void dev.exit.then(() => {
      exited = true;
    });
    await until(() => {
      dev.process.kill('SIGINT');
      return exited;
    });
    expect(await dev.exit).toBe(130);
    // Later than the echo, and before the stubborn one would have been killed by its bound.
    expect(performance.now() - from).toBeGreaterThan(450);
    expect(performance.now() - from).toBeLessThan(1_150);
    expect(saidBy(dev).filter((text) => text.startsWith('ended at once'))).toHaveLength(1);
    await until(() => shown.processes.every(({ pid }) => !isAlive(pid)));
  });

  it('a child that clings to life after its supervisor is killed by the next one', async () => {
    const dev = run({ stub: { STUB_CLINGING: 'executor' } });
    const shown = await screenOf(dev);
    dev.process.kill('SIGKILL');
    await dev.exit;
    const next = run();
    await screenOf(next);
    expect(shown.processes.filter(({ pid }) => isAlive(pid))).toEqual([]);
    next.process.kill('SIGINT');
    expect(await next.exit).toBe(0);
  });

  it('stops what was started when Ctrl-C comes before all is ready', async () => {
    const dev = run({ stub: { STUB_MUTE: 'scheduler' } });
    await until(() => fs.existsSync(path.join(home, 'order')) && order('start').length === 5);
    dev.process.kill('SIGINT');
    expect(await dev.exit).toBe(0);
    expect(dev.events.some(({ screen }) => screen)).toBe(false);
    expect(order('stop')).toHaveLength(5);
  });
});

it('with the real database and broker: kill -9 of everything, and all is there again', async () => {
  const real = { real: ['postgres', 'broker'] };
  const dev = run(real);
  const shown = await screenOf(dev);
  const server = pidOf('postgres-server');
  expect(isAlive(server)).toBe(true);
  const killAllOf = async (run_: Run, { processes }: Endpoint, spared?: number): Promise<void> => {
    run_.process.kill('SIGKILL');
    for (const { pid } of processes) if (pid !== spared) process.kill(pid, 'SIGKILL');
    await run_.exit;
  };
  await killAllOf(dev, shown, server);
  const second = run(real);
  const shownAgain = await screenOf(second);
  expect({ ...shownAgain, processes: [] }).toEqual({ ...shown, processes: [] });
  expect(pidOf('postgres-server')).toBe(server);
  await killAllOf(second, shownAgain);
  const next = run(real);
  const again = await screenOf(next);
  expect({ ...again, processes: [] }).toEqual({ ...shown, processes: [] });
  process.kill(pidOf('postgres'), 'SIGKILL'); // its watcher alone: the server is adopted
  const adopted = pidOf('postgres-server');
  await until(() => pidOf('postgres-server') === 0);
  await until(() => pidOf('postgres-server') === adopted);
  next.process.kill('SIGINT');
  expect(await next.exit).toBe(0);
  // Its parent is gone: who inherits it clears it away a moment later.
  await until(() => !isAlive(adopted));
});
