import { expect, test } from 'vitest';
import { DatabaseClock } from './clock.js';

function clockAt() {
  let mono = 0;
  const clock = new DatabaseClock(() => mono);
  return { clock, pass: (ms: number) => void (mono += ms) };
}

test('a turn that comes two seconds late is a stall, told once', () => {
  const { clock, pass } = clockAt();
  clock.sample(1_000);
  pass(2_000);
  expect(clock.noticeStall()).toBe(false);
  pass(2_001);
  expect([clock.noticeStall(), clock.noticeStall()]).toEqual([true, false]);
});

test('so is the time without a sample: told once there is one again', () => {
  const { clock, pass } = clockAt();
  clock.sample(1_000);
  expect(clock.noticeStall()).toBe(false);
  pass(40_000);
  expect(clock.now()).toBeUndefined();
  expect([clock.noticeStall(), clock.noticeStall()]).toEqual([true, false]);
  clock.sample(41_000);
  expect([clock.noticeStall(), clock.noticeStall()]).toEqual([true, false]);
});

test('the first sample of all ends no silence', () => {
  const { clock } = clockAt();
  clock.sample(1_000);
  expect(clock.noticeStall()).toBe(false);
});

test('also when that one is of a clock that was set back', () => {
  const { clock, pass } = clockAt();
  clock.sample(1_000);
  for (let i = 0; i < 40; i++) {
    pass(1_000);
    clock.noticeStall();
  }
  clock.correct(500);
  expect(clock.noticeStall()).toBe(true);
});
