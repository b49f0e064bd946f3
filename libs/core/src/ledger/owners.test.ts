import { beforeEach, expect, it } from 'vitest';
import { ManualClock } from '#actor';
import { Owners } from './owners.js';

let clock: ManualClock;
let owners: Owners;

beforeEach(() => {
  clock = new ManualClock();
  owners = new Owners(() => clock.elapsed());
});

it('knows the newest owner by epoch, never by arrival', () => {
  owners.learn(1, 'b', 2);
  owners.learn(1, 'a', 1);
  expect(owners.route(1, 0)).toBe('b');
});

it('asks any thread for a partition without an owner, the one heard last', () => {
  expect(owners.route(1, 0)).toBeUndefined();
  owners.heard('a');
  owners.heard('b');
  expect(owners.route(1, 0)).toBe('b');
});

it('restates to a quiet owner, and every other time to somebody who is heard', () => {
  owners.heard('a');
  owners.learn(1, 'a', 1);
  owners.heard('b');
  expect(owners.route(1, 1)).toBe('a');
  clock.advance(3_001);
  owners.heard('b');
  expect([0, 1, 2, 3].map((tries) => owners.route(1, tries))).toEqual(['a', 'b', 'a', 'b']);
  owners.heard('a');
  expect(owners.route(1, 1)).toBe('a');
});
