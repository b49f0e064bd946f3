import { describe, expect, test } from 'vitest';
import { type FleetEffect, type FleetMessage, emptyFleet, fleetMachine } from './fleet.machine.js';

class Fleet {
  readonly state = emptyFleet();
  now = 0;
  constructor() {
    this.tell({ kind: 'link', up: true });
  }
  tell(message: FleetMessage): string[] {
    const effects: FleetEffect[] = [];
    fleetMachine.step(this.state, message, this.now, (effect) => effects.push(effect));
    return effects.map((effect) => effect.kind);
  }
  born(session = 's1', incarnation: number | null = 1): string[] {
    return this.tell({
      kind: 'birth',
      executor: 'x',
      session,
      incarnation,
      pool: 'default',
      slots: 2,
      capabilities: ['shell'],
      draining: false,
    });
  }
  beat(session = 's1'): string[] {
    return this.tell({ kind: 'beat', executor: 'x', session, slots: 2, busy: 0 });
  }
  tick(ms: number): string[] {
    this.now += ms;
    return this.tell({ kind: 'tick', silentAfterMs: 15_000, massLossAfterMs: 60_000 });
  }
}

test('a link that is lost, and a stall of ours, stop the clocks of the silent (F1, 3.2)', () => {
  const fleet = new Fleet();
  fleet.born();
  expect(fleet.tell({ kind: 'link', up: false })).toEqual(['deaf']);
  expect(fleet.tell({ kind: 'link', up: true })).toEqual([]);
  expect(fleet.tell({ kind: 'stalled' })).toEqual(['deaf']);
});

describe('what falls silent together (F4, 3.2)', () => {
  const member = (executor: string, draining = false): FleetMessage => ({
    ...{ kind: 'birth', executor, session: executor, incarnation: 1, pool: 'default', slots: 1 },
    ...{ capabilities: [], draining },
  });
  const died = (executor: string): FleetMessage => ({ kind: 'death', executor, session: executor });
  const tick = (massLossAfterMs: number): FleetMessage => ({
    ...{ kind: 'tick', silentAfterMs: 15_000, massLossAfterMs },
  });

  test('is told at the next look', () => {
    const fleet = new Fleet();
    for (const name of ['a', 'b', 'c']) fleet.tell(member(name));
    for (const name of ['a', 'b']) fleet.tell(died(name));
    expect(fleet.tell(tick(60_000))).toEqual(['mass-silence']);
  });

  test('who drained has said that it goes', () => {
    const fleet = new Fleet();
    for (const name of ['a', 'b', 'c']) fleet.tell(member(name));
    for (const name of ['a', 'b']) fleet.tell(member(name, true));
    for (const name of ['a', 'b']) fleet.tell(died(name));
    expect(fleet.tell(tick(60_000))).toEqual([]);
  });

  test('a time of 0 turns it off', () => {
    const fleet = new Fleet();
    for (const name of ['a', 'b']) fleet.tell(member(name));
    for (const name of ['a', 'b']) fleet.tell(died(name));
    expect(fleet.tell(tick(0))).toEqual([]);
  });
});

describe('who is closed by a person', () => {
  const closed = (...executors: string[]): FleetMessage => ({
    kind: 'closed',
    executors: new Map(executors.map((each) => [each, { isDrained: false, dueAt: null }])),
  });

  test('is seated anew when that changes, and only then', () => {
    const fleet = new Fleet();
    fleet.born();
    expect(fleet.tell(closed('x'))).toEqual(['online']);
    expect(fleet.state.members.get('x')?.isClosed).toBe(true);
    expect(fleet.tell(closed('x'))).toEqual([]);
    expect(fleet.tell(closed())).toEqual(['online']);
  });

  test('is so from its next birth on', () => {
    const fleet = new Fleet();
    fleet.tell(closed('x'));
    fleet.born();
    expect(fleet.state.members.get('x')?.isClosed).toBe(true);
  });
});

describe('presence', () => {
  test('a birth without an incarnation is no member yet: it has none to be granted under', () => {
    expect(new Fleet().born('s1', null)).toEqual([]);
  });

  test('a death of its session is believed at once (3.1)', () => {
    const fleet = new Fleet();
    fleet.born();
    expect(fleet.tell({ kind: 'death', executor: 'x', session: 's1' })).toEqual(['offline']);
  });

  test('a late will of an older session changes nothing (F2, 3.1)', () => {
    const fleet = new Fleet();
    fleet.born('s1');
    fleet.born('s2');
    expect(fleet.tell({ kind: 'death', executor: 'x', session: 's1' })).toEqual([]);
    expect(fleet.tick(1_000)).toEqual([]);
  });

  test('who was away before the link was lost may be back: nothing is known of it (3.1)', () => {
    const fleet = new Fleet();
    fleet.born('s1');
    fleet.tell({ kind: 'death', executor: 'x', session: 's1' });
    fleet.tell({ kind: 'link', up: false });
    expect([...fleet.state.dead.keys(), ...fleet.state.members.keys()]).toEqual(['x', 'x']);
    fleet.tell({ kind: 'link', up: true });
    expect([...fleet.state.dead.keys(), ...fleet.state.members.keys()]).toEqual([]);
  });

  test('a beat or birth of a session that died is no life', () => {
    const fleet = new Fleet();
    fleet.born('s1');
    fleet.tell({ kind: 'death', executor: 'x', session: 's1' });
    expect(fleet.beat('s1')).toEqual([]);
    expect(fleet.born('s1')).toEqual([]);
    expect(fleet.born('s2')).toEqual(['online']);
  });

  test('an older incarnation is ignored (F3)', () => {
    const fleet = new Fleet();
    fleet.born('s1', 2);
    expect(fleet.born('s2', 1)).toEqual([]);
    expect(fleet.state.members.get('x')?.session).toBe('s1');
  });

  test('a beat of a session without a birth asks for it (§9)', () => {
    expect(new Fleet().beat('s9')).toEqual(['ask-birth']);
  });
});

describe('silence', () => {
  test('no news for silentAfter is silence, and a beat ends it', () => {
    const fleet = new Fleet();
    fleet.born();
    expect(fleet.tick(14_999)).toEqual([]);
    expect(fleet.tick(1)).toEqual(['offline']);
    expect(fleet.beat()).toEqual(['online', 'beat']);
  });

  test('it does not count while our own link is down, and starts anew after it (F1, 3.2)', () => {
    const fleet = new Fleet();
    fleet.born();
    fleet.tell({ kind: 'link', up: false });
    expect(fleet.tick(60_000)).toEqual([]);
    fleet.tell({ kind: 'link', up: true });
    expect(fleet.tick(14_999)).toEqual([]);
    expect(fleet.tick(1)).toEqual(['offline']);
  });

  test('it does not count while we stood still (F1)', () => {
    const fleet = new Fleet();
    fleet.born();
    fleet.now += 20_000;
    fleet.tell({ kind: 'stalled' });
    expect(fleet.tick(0)).toEqual([]);
    expect(fleet.tick(15_000)).toEqual(['offline']);
  });
});
