import { beforeEach, expect, test } from 'vitest';
import { Alarm } from './alarm.js';

let timers: { readonly delayMs: number; readonly run: () => void }[];
let cancelled: number;
let rings: number;
let alarm: Alarm;

beforeEach(() => {
  timers = [];
  cancelled = 0;
  rings = 0;
  alarm = new Alarm(
    (delayMs, run) => {
      timers.push({ delayMs, run });
      return () => void cancelled++;
    },
    () => void rings++,
  );
});

test('one timer, for what is due first; an earlier one takes its place', () => {
  alarm.arm(1_000, 500);
  alarm.arm(2_000, 500);
  expect(timers.map((timer) => timer.delayMs)).toEqual([500]);
  alarm.arm(800, 500);
  expect(timers.map((timer) => timer.delayMs)).toEqual([500, 300]);
  expect(cancelled).toBe(1);
});

test('what is due already rings in a turn of its own, again and again until it is done', () => {
  for (let turn = 1; turn <= 3; turn++) {
    alarm.arm(100, 5_000);
    expect(timers).toHaveLength(turn);
    expect(timers.at(-1)?.delayMs).toBe(1);
    timers.at(-1)?.run();
    alarm.rang();
  }
  expect(rings).toBe(3);
});

test('a far time is looked at once a minute, nothing due arms nothing', () => {
  alarm.arm(undefined, 0);
  expect(timers).toEqual([]);
  alarm.arm(86_400_000, 0);
  expect(timers[0]?.delayMs).toBe(60_000);
});
