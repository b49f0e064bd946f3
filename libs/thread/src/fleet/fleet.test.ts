import { beforeEach, describe, expect, test } from 'vitest';
import { FleetRig, SILENT_AFTER_MS, birth, partition } from './testkit/fleet-rig.js';

let rig: FleetRig;
beforeEach(() => {
  rig = new FleetRig();
});

describe('open attempts are compared with what is known of their executors', () => {
  test('heard while it is online, silent when its session has ended', () => {
    rig.fleet.presence('x1', birth('s1', 3));
    const heard = { kind: 'heard', executor: 'x1', incarnation: 3 };
    expect(rig.fleet.compare(partition(rig.now), rig.now)).toEqual([heard]);
    rig.fleet.presence('x1', { v: 1, state: 'death', session: 's1' });
    const silent = { kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 };
    expect(rig.fleet.compare(partition(rig.now), rig.now)).toEqual([silent]);
  });

  test('never heard: each partition counts from its own claim (§6)', () => {
    const old = partition(rig.now);
    rig.now += SILENT_AFTER_MS - 1;
    const young = partition(rig.now);
    expect(rig.fleet.compare(old, rig.now)).toEqual([]);
    rig.now += 1;
    expect(rig.fleet.compare(old, rig.now)).toHaveLength(1);
    expect(rig.fleet.compare(young, rig.now)).toEqual([]);
  });

  test('nothing is said while we ourselves cannot hear', () => {
    rig.fleet.link(false);
    rig.now += 10 * SILENT_AFTER_MS;
    expect(rig.fleet.compare(partition(1_000), rig.now)).toEqual([]);
    rig.fleet.link(true);
    expect(rig.fleet.compare(partition(1_000), rig.now)).toEqual([]);
  });
});

describe('an executor’s own cell is compared as well', () => {
  const gone = { kind: 'gone', executor: 'x1', session: 's1' };

  test('its will came while nobody was its home: it is OFFLINE', () => {
    rig.fleet.presence('x1', { v: 1, state: 'death', session: 's1' });
    expect(rig.fleet.compare(partition(rig.now, {}), rig.now)).toEqual([gone]);
    expect(rig.fleet.compare(partition(rig.now, { state: 'OFFLINE' }), rig.now)).toEqual([]);
  });

  test('no will and no beat for long enough: it is OFFLINE', () => {
    rig.fleet.presence('x1', birth('s1'));
    rig.now += SILENT_AFTER_MS;
    rig.fleet.tick();
    expect(rig.fleet.compare(partition(1_000, {}), rig.now)).toEqual([gone]);
  });

  test('a beat of one that is shown OFFLINE asks for its birth', () => {
    rig.fleet.presence('x1', birth('s1'));
    rig.now += SILENT_AFTER_MS;
    rig.fleet.tick();
    rig.fleet.beat('x1', { kind: 'beat', session: 's1', incarnation: 1, n: 1, slots: 4, busy: 0 });
    expect(rig.fleet.compare(partition(1_000, { state: 'OFFLINE' }), rig.now)).toEqual([]);
    expect(rig.asked).toEqual(['x1/s1']);
  });

  test('never heard of since the claim: it is OFFLINE after the same time', () => {
    const old = partition(rig.now, {});
    expect(rig.fleet.compare(old, rig.now + SILENT_AFTER_MS - 1)).toEqual([]);
    expect(rig.fleet.compare(old, rig.now + SILENT_AFTER_MS)).toEqual([gone]);
  });
});

describe('a birth that was heard before its home came to this thread', () => {
  test('is told when it comes, not a second later; one that has died is not', () => {
    rig.fleet.presence('x1', birth('s1'));
    rig.fleet.presence('x2', birth('s2'));
    rig.fleet.presence('x2', { v: 1, state: 'death', session: 's2' });
    rig.born = [];
    rig.fleet.introduce(() => true);
    expect(rig.born).toEqual(['x1/s1']);
    rig.fleet.introduce(() => false);
    expect(rig.born).toHaveLength(1);
  });
});

test('who is not its home asks too for a birth that it missed, or it declines it for ever', () => {
  rig.isHome = false;
  rig.fleet.presence('x1', birth('s1'));
  const beat = { kind: 'beat', incarnation: 1, n: 1, slots: 4, busy: 0 } as const;
  rig.fleet.beat('x1', { ...beat, session: 's1' });
  expect(rig.asked).toEqual([]);
  rig.fleet.beat('x1', { ...beat, session: 's2' });
  expect(rig.asked).toEqual(['x1/s2']);
  rig.fleet.presence('x1', birth('s2'));
  rig.fleet.beat('x1', { ...beat, session: 's2' });
  expect(rig.asked).toEqual(['x1/s2']);
});

test('whose birth with its number was lost is rig.asked again, by everybody', () => {
  rig.isHome = false;
  rig.fleet.presence('x1', { ...birth('s1'), incarnation: null });
  const beat = { kind: 'beat', incarnation: 1, n: 1, slots: 4, busy: 0 } as const;
  rig.fleet.beat('x1', { ...beat, session: 's1' });
  expect(rig.asked).toEqual(['x1/s1']);
});

test('who fell silent while the link was half open comes back by its beats alone', () => {
  rig.isHome = false;
  rig.fleet.presence('x1', birth('s1'));
  rig.now += SILENT_AFTER_MS;
  rig.fleet.tick();
  rig.fleet.link(false);
  rig.fleet.link(true);
  const beat = { kind: 'beat', incarnation: 1, n: 1, slots: 4, busy: 0 } as const;
  rig.fleet.beat('x1', { ...beat, session: 's1' });
  expect(rig.asked).toEqual(['x1/s1']);
  rig.fleet.presence('x1', birth('s1'));
  expect(rig.fleet.member('x1')?.online).toBe(true);
});

test('how long it hears without a gap, and how long it does not', () => {
  rig.now += 4_000;
  expect(rig.fleet.hearsMs).toBe(4_000);
  rig.fleet.link(false);
  rig.now += 1_900;
  expect(rig.fleet.hearsMs).toBe(-1_900);
  // A link that comes for a moment and goes again.
  rig.fleet.link(true);
  rig.now += 100;
  rig.fleet.link(false);
  rig.now += 1_000;
  expect(rig.fleet.hearsMs).toBe(-3_000);
});

test('a link that is lost just after we stood still was there all the same', () => {
  rig.now += 3_600_000;
  rig.fleet.stalled();
  rig.now += 100;
  rig.fleet.link(false);
  rig.now += 200;
  expect(rig.fleet.hearsMs).toBe(-200);
});
