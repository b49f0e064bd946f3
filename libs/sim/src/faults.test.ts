import { expect, test } from 'vitest';
import { type Targets, make } from './faults.js';
import { World } from './kernel/world.js';

test('a rolling restart is over when its time is, however long each would drain', () => {
  const world = new World(1);
  const back: number[] = [];
  const executor = {
    drain: (most: number, done: () => void) => world.after(most, done),
    start: () => back.push(world.now),
  };
  const executors = [executor, executor, executor];
  const fault = { at: 0, kind: 'roll-executors', lasts: 9_000, pick: 1, how: 0 } as const;
  make(fault, { world, executors, schedulers: [executor] } as unknown as Targets);
  world.runUntil(100_000);
  expect(back).toEqual([3_000, 6_000, 9_000]);
});
