import { beforeEach, describe, expect, test } from 'vitest';
import type { Observed } from './fleet.js';
import { FleetRig, SILENT_AFTER_MS, birth, holding, partition } from './testkit/fleet-rig.js';

let rig: FleetRig;
beforeEach(() => {
  rig = new FleetRig();
});

describe('over a third of a pool falls silent (3.2)', () => {
  const silent = (executor: string, isHeld: boolean) => ({ kind: 'silent', executor, isHeld });
  const on = (...executors: string[]): Observed => ({
    claimedAt: 1_000,
    state: { ...holding(executors), executors: new Map() },
  });

  test('by last wills: those are held, and the log says so once', () => {
    for (const executor of ['x1', 'x2', 'x3', 'x4']) rig.fleet.presence(executor, birth('s'));
    for (const executor of ['x1', 'x2']) {
      rig.fleet.presence(executor, { v: 1, state: 'death', session: 's' });
    }
    rig.seconds(1);
    expect(rig.fleet.compare(on('x1', 'x2'), rig.now)).toMatchObject([
      silent('x1', true),
      silent('x2', true),
    ]);
    expect(rig.warned).toEqual(['a pool fell silent: nothing of it is lost for now']);
  });

  test('one of them is heard: the others are held for 10 s more', () => {
    for (const executor of ['x1', 'x2', 'x3', 'x4']) rig.fleet.presence(executor, birth('s'));
    for (const executor of ['x1', 'x2']) {
      rig.fleet.presence(executor, { v: 1, state: 'death', session: 's' });
    }
    rig.seconds(1);
    rig.fleet.presence('x1', birth('s2'));
    expect(rig.fleet.compare(on('x2'), rig.now)).toMatchObject([silent('x2', true)]);
    rig.seconds(10);
    expect(rig.fleet.compare(on('x2'), rig.now)).toMatchObject([silent('x2', false)]);
  });

  test('after our own link was down nobody has come back: they are held (§6)', () => {
    for (const executor of ['x1', 'x2', 'x3']) rig.fleet.presence(executor, birth('s'));
    rig.fleet.link(false);
    rig.fleet.link(true);
    rig.fleet.presence('x3', birth('s2'));
    rig.seconds(SILENT_AFTER_MS / 1_000);
    rig.fleet.compare(on('x1', 'x2'), rig.now);
    rig.seconds(1);
    expect(rig.fleet.compare(on('x1', 'x2'), rig.now)).toMatchObject([
      silent('x1', true),
      silent('x2', true),
    ]);
    rig.seconds(60);
    expect(rig.fleet.compare(on('x1', 'x2'), rig.now)).toMatchObject([
      silent('x1', false),
      silent('x2', false),
    ]);
  });
});

describe('an executor that is drained', () => {
  const drained = (leftMs: number | null): void =>
    rig.fleet.closed([{ executor: 'x1', isDrained: true, leftMs }]);
  const evictions = (): unknown[] =>
    rig.fleet.compare(partition(1_000), rig.now).filter(({ kind }) => kind === 'evict');

  test('gives back what has not started, and what runs when its time is over', () => {
    rig.fleet.presence('x1', birth('s1'));
    expect(evictions()).toEqual([]);
    drained(2_000);
    expect(evictions()).toEqual([{ kind: 'evict', executor: 'x1', isDue: false }]);
    rig.now += 2_000;
    expect(evictions()).toEqual([{ kind: 'evict', executor: 'x1', isDue: true }]);
    rig.fleet.closed([]);
    expect(evictions()).toEqual([]);
  });

  test('takes nothing new; without a time what runs may end', () => {
    rig.fleet.presence('x1', birth('s1'));
    const match = { executor: 'x1', incarnation: 1 };
    expect(rig.fleet.takes(match)).toBe(true);
    drained(null);
    expect(rig.fleet.takes(match)).toBe(false);
    rig.now += 86_400_000;
    rig.fleet.presence('x1', birth('s1'));
    expect(evictions()).toEqual([{ kind: 'evict', executor: 'x1', isDue: false }]);
  });

  test('one that is cordoned keeps all it has', () => {
    rig.fleet.presence('x1', birth('s1'));
    rig.fleet.closed([{ executor: 'x1', isDrained: false, leftMs: null }]);
    expect(evictions()).toEqual([]);
  });
});
