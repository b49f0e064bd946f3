import { describe, expect, test } from 'vitest';
import { PARKED } from './parking.js';
import { Rig } from './rig/rig.js';

const HOLD = { by: 'ana', reason: 'the disk is full' };
const RUNS = ['a', 'b', 'c'];

/** Each page that is read asks for the next one in a commit of its own. */
function settle(rig: Rig): void {
  for (let i = 0; i < 8; i++) rig.commit();
}
function rigWith(): Rig {
  const rig = new Rig();
  for (const run of RUNS) rig.submit(run, { job: 'j' });
  rig.commit();
  return rig;
}
function heldRig(): Rig {
  const rig = rigWith();
  rig.hold('h1', 'j', HOLD);
  settle(rig);
  return rig;
}
const states = (rig: Rig): string[] => RUNS.map((run) => rig.cell(run).state);

describe('a run on the bench', () => {
  test.each([
    ['its time is over', 1_000, (rig: Rig) => rig.tick(1_000)],
    ['another owns it', 1_000, (rig: Rig) => rig.crash()],
    ['its owner is lost before it has parked it', PARKED, (rig: Rig) => rig.crash()],
  ])('whose job is resumed goes on when %s', (_, ms, then) => {
    const rig = heldRig();
    rig.crash({ a: rig.now + ms });
    rig.hold('h2', 'j', null);
    settle(rig);
    expect(states(rig)).toEqual(['PAUSED', 'READY', 'READY']);
    // As for its commands: who asked is not answered, the row stands for another time.
    expect([...rig.inbox]).toEqual(['h2']);
    expect(rig.answers.has('h2')).toBe(false);
    then(rig);
    rig.step({ kind: 'job-changed', inbox: 'h2', job: 'j' });
    settle(rig);
    expect(states(rig)).toEqual(['READY', 'READY', 'READY']);
    expect(rig.inbox.size).toBe(0);
    expect(rig.answers.get('h2')).toEqual({ ok: true, state: null });
  });

  test('whose job is paused again meanwhile keeps no row waiting', () => {
    const rig = heldRig();
    rig.crash({ a: rig.now + 1_000 });
    rig.hold('h2', 'j', null);
    settle(rig);
    rig.hold('h3', 'j', HOLD);
    rig.step({ kind: 'job-changed', inbox: 'h2', job: 'j' });
    settle(rig);
    rig.tick(1_000);
    settle(rig);
    expect(states(rig)).toEqual(['PAUSED', 'PAUSED', 'PAUSED']);
    expect(rig.inbox.size).toBe(0);
  });

  test('whose job is paused is held when its time is over', () => {
    const rig = rigWith();
    rig.crash({ a: rig.now + 1_000 });
    rig.hold('h1', 'j', HOLD);
    settle(rig);
    expect(states(rig)).toEqual(['READY', 'PAUSED', 'PAUSED']);
    // It is read anew, and met by the next sweep.
    for (const ms of [1_000, 1]) {
      rig.tick(ms);
      settle(rig);
    }
    expect(states(rig)).toEqual(['PAUSED', 'PAUSED', 'PAUSED']);
    expect(rig.cell('a').record.paused).toMatchObject({ ...HOLD, job: true });
  });
});

test('a parked run whose job is resumed stays, and keeps no row waiting', () => {
  const rig = heldRig();
  rig.crash({ a: PARKED });
  rig.step({ kind: 'park', run: 'a', reason: 'it failed 3 times' });
  rig.commit();
  rig.hold('h2', 'j', null);
  settle(rig);
  expect(states(rig)).toEqual(['PAUSED', 'READY', 'READY']);
  expect(rig.inbox.size).toBe(0);
});
