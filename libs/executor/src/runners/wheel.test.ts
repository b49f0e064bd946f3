import { expect, it } from 'vitest';
import { ManualClock } from '#actor';
import { Wheel } from './wheel.js';

it('runs what falls due, at most a step late, and nothing that was disarmed', () => {
  const clock = new ManualClock();
  const wheel = new Wheel(clock);
  const ran: string[] = [];
  wheel.arm(100, () => ran.push('a'));
  const disarm = wheel.arm(100, () => ran.push('b'));
  wheel.arm(10_000, () => ran.push('c'));
  clock.advance(99);
  expect(ran).toEqual([]);
  disarm();
  disarm();
  clock.advance(26);
  expect(ran).toEqual(['a']);
  clock.advance(10_000);
  expect(ran).toEqual(['a', 'c']);
  expect(clock.pending).toBe(0);
});

it('starts anew after a rest, and lets what it runs arm more', () => {
  const clock = new ManualClock();
  const wheel = new Wheel(clock);
  let turns = 0;
  const again = (): void => {
    turns += 1;
    if (turns < 3) wheel.arm(0, again);
  };
  clock.advance(60_000);
  wheel.arm(50, again);
  clock.advance(200);
  expect(turns).toBe(3);
  wheel.arm(50, again);
  wheel.stop();
  clock.advance(1_000);
  expect(turns).toBe(3);
});
