import { beforeEach, describe, expect, test } from 'vitest';
import type { ExecutorCell } from '#core';
import type { ExecutorBirth } from '#protocol';
import { Fleet, type FleetHost, type Observed } from './fleet.js';

const SILENT_AFTER_MS = 15_000;
let fleet: Fleet;
let asked: string[];
let isHome: boolean;
let born: string[];
let now: number;
let warned: string[];

beforeEach(() => {
  asked = [];
  isHome = true;
  born = [];
  now = 1_000;
  warned = [];
  const nothing = (): void => undefined;
  const host: FleetHost = {
    life: 'life',
    log: { debug: nothing, info: nothing, warn: (text) => void warned.push(text), error: nothing },
    silentAfterMs: SILENT_AFTER_MS,
    massLossAfterMs: 60_000,
    mono: () => now,
    isHome: () => isHome,
    born: ({ executor, session }) => void born.push(`${executor}/${session}`),
    gone: nothing,
    online: nothing,
    offline: nothing,
    deaf: nothing,
    busy: nothing,
    heard: nothing,
    silent: nothing,
    answerBeat: nothing,
    askBirth: (executor, session) => void asked.push(`${executor}/${session}`),
  };
  fleet = new Fleet(host);
  fleet.link(true);
});

function birth(session: string, incarnation = 1): ExecutorBirth {
  return {
    v: 1,
    state: 'birth',
    session,
    incarnation,
    cluster: 'life',
    name: 'x1',
    version: '0',
    pool: 'default',
    slots: 4,
    labels: {},
    capabilities: ['shell'],
    draining: false,
  };
}

/** A partition with one open attempt on x1, or with its cell. */
function partition(claimedAt: number, cell?: Partial<ExecutorCell>): Observed {
  const executors = new Map<string, ExecutorCell>();
  if (cell !== undefined) {
    const detail = { name: '', version: '', slots: 4, labels: {}, capabilities: [] };
    executors.set('x1', {
      id: 'x1',
      pool: 'default',
      state: 'ACTIVE',
      incarnation: 1,
      handed: 1,
      since: 0,
      session: 's1',
      detail: { ...detail, draining: false },
      closed: null,
      ...cell,
    });
  }
  return { claimedAt, state: { ...holding(cell === undefined ? ['x1'] : []), executors } };
}

/** Each of them has a run of this pool. */
function holding(on: readonly string[]): Pick<Observed['state'], 'byExecutor' | 'open'> {
  const cell = { facts: { pool: 'default' } };
  return {
    byExecutor: new Map(on.map((executor) => [executor, new Set([`r-${executor}`])])),
    open: new Map(on.map((executor) => [`r-${executor}`, { cell }])),
  };
}

describe('open attempts are compared with what is known of their executors', () => {
  test('heard while it is online, silent when its session has ended', () => {
    fleet.presence('x1', birth('s1', 3));
    const heard = { kind: 'heard', executor: 'x1', incarnation: 3 };
    expect(fleet.compare(partition(now), now)).toEqual([heard]);
    fleet.presence('x1', { v: 1, state: 'death', session: 's1' });
    const silent = { kind: 'silent', executor: 'x1', isHeld: false };
    expect(fleet.compare(partition(now), now)).toEqual([silent]);
  });

  test('never heard: each partition counts from its own claim (§6)', () => {
    const old = partition(now);
    now += SILENT_AFTER_MS - 1;
    const young = partition(now);
    expect(fleet.compare(old, now)).toEqual([]);
    now += 1;
    expect(fleet.compare(old, now)).toHaveLength(1);
    expect(fleet.compare(young, now)).toEqual([]);
  });

  test('nothing is said while we ourselves cannot hear', () => {
    fleet.link(false);
    now += 10 * SILENT_AFTER_MS;
    expect(fleet.compare(partition(1_000), now)).toEqual([]);
    fleet.link(true);
    expect(fleet.compare(partition(1_000), now)).toEqual([]);
  });
});

describe('an executor’s own cell is compared as well', () => {
  const gone = { kind: 'gone', executor: 'x1', session: 's1' };

  test('its will came while nobody was its home: it is OFFLINE', () => {
    fleet.presence('x1', { v: 1, state: 'death', session: 's1' });
    expect(fleet.compare(partition(now, {}), now)).toEqual([gone]);
    expect(fleet.compare(partition(now, { state: 'OFFLINE' }), now)).toEqual([]);
  });

  test('no will and no beat for long enough: it is OFFLINE', () => {
    fleet.presence('x1', birth('s1'));
    now += SILENT_AFTER_MS;
    fleet.tick();
    expect(fleet.compare(partition(1_000, {}), now)).toEqual([gone]);
  });

  test('a beat of one that is shown OFFLINE asks for its birth', () => {
    fleet.presence('x1', birth('s1'));
    now += SILENT_AFTER_MS;
    fleet.tick();
    fleet.beat('x1', { kind: 'beat', session: 's1', incarnation: 1, n: 1, slots: 4, busy: 0 });
    expect(fleet.compare(partition(1_000, { state: 'OFFLINE' }), now)).toEqual([]);
    expect(asked).toEqual(['x1/s1']);
  });

  test('never heard of since the claim: it is OFFLINE after the same time', () => {
    const old = partition(now, {});
    expect(fleet.compare(old, now + SILENT_AFTER_MS - 1)).toEqual([]);
    expect(fleet.compare(old, now + SILENT_AFTER_MS)).toEqual([gone]);
  });
});

describe('a birth that was heard before its home came to this thread', () => {
  test('is told when it comes, not a second later; one that has died is not', () => {
    fleet.presence('x1', birth('s1'));
    fleet.presence('x2', birth('s2'));
    fleet.presence('x2', { v: 1, state: 'death', session: 's2' });
    born = [];
    fleet.introduce(() => true);
    expect(born).toEqual(['x1/s1']);
    fleet.introduce(() => false);
    expect(born).toHaveLength(1);
  });
});

test('who is not its home asks too for a birth that it missed, or it declines it for ever', () => {
  isHome = false;
  fleet.presence('x1', birth('s1'));
  const beat = { kind: 'beat', incarnation: 1, n: 1, slots: 4, busy: 0 } as const;
  fleet.beat('x1', { ...beat, session: 's1' });
  expect(asked).toEqual([]);
  fleet.beat('x1', { ...beat, session: 's2' });
  expect(asked).toEqual(['x1/s2']);
  fleet.presence('x1', birth('s2'));
  fleet.beat('x1', { ...beat, session: 's2' });
  expect(asked).toEqual(['x1/s2']);
});

test('whose birth with its number was lost is asked again, by everybody', () => {
  isHome = false;
  fleet.presence('x1', { ...birth('s1'), incarnation: null });
  const beat = { kind: 'beat', incarnation: 1, n: 1, slots: 4, busy: 0 } as const;
  fleet.beat('x1', { ...beat, session: 's1' });
  expect(asked).toEqual(['x1/s1']);
});

test('who fell silent while the link was half open comes back by its beats alone', () => {
  isHome = false;
  fleet.presence('x1', birth('s1'));
  now += SILENT_AFTER_MS;
  fleet.tick();
  fleet.link(false);
  fleet.link(true);
  const beat = { kind: 'beat', incarnation: 1, n: 1, slots: 4, busy: 0 } as const;
  fleet.beat('x1', { ...beat, session: 's1' });
  expect(asked).toEqual(['x1/s1']);
  fleet.presence('x1', birth('s1'));
  expect(fleet.member('x1')?.online).toBe(true);
});

test('how long it hears without a gap, and how long it does not', () => {
  now += 4_000;
  expect(fleet.hearsMs).toBe(4_000);
  fleet.link(false);
  now += 1_900;
  expect(fleet.hearsMs).toBe(-1_900);
  // A link that comes for a moment and goes again.
  fleet.link(true);
  now += 100;
  fleet.link(false);
  now += 1_000;
  expect(fleet.hearsMs).toBe(-3_000);
});

test('a link that is lost just after we stood still was there all the same', () => {
  now += 3_600_000;
  fleet.stalled();
  now += 100;
  fleet.link(false);
  now += 200;
  expect(fleet.hearsMs).toBe(-200);
});

describe('over a third of a pool falls silent (3.2)', () => {
  const silent = (executor: string, isHeld: boolean) => ({ kind: 'silent', executor, isHeld });
  const on = (...executors: string[]): Observed => ({
    claimedAt: 1_000,
    state: { ...holding(executors), executors: new Map() },
  });
  const seconds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      now += 1_000;
      fleet.tick();
    }
  };

  test('by last wills: those are held, and the log says so once', () => {
    for (const executor of ['x1', 'x2', 'x3', 'x4']) fleet.presence(executor, birth('s'));
    for (const executor of ['x1', 'x2']) {
      fleet.presence(executor, { v: 1, state: 'death', session: 's' });
    }
    seconds(1);
    expect(fleet.compare(on('x1', 'x2'), now)).toEqual([silent('x1', true), silent('x2', true)]);
    expect(warned).toEqual(['a pool fell silent: nothing of it is lost for now']);
  });

  test('one of them is heard: the others are held for 10 s more', () => {
    for (const executor of ['x1', 'x2', 'x3', 'x4']) fleet.presence(executor, birth('s'));
    for (const executor of ['x1', 'x2']) {
      fleet.presence(executor, { v: 1, state: 'death', session: 's' });
    }
    seconds(1);
    fleet.presence('x1', birth('s2'));
    expect(fleet.compare(on('x2'), now)).toEqual([silent('x2', true)]);
    seconds(10);
    expect(fleet.compare(on('x2'), now)).toEqual([silent('x2', false)]);
  });

  test('after our own link was down nobody has come back: they are held (§6)', () => {
    for (const executor of ['x1', 'x2', 'x3']) fleet.presence(executor, birth('s'));
    fleet.link(false);
    fleet.link(true);
    fleet.presence('x3', birth('s2'));
    seconds(SILENT_AFTER_MS / 1_000);
    fleet.compare(on('x1', 'x2'), now);
    seconds(1);
    expect(fleet.compare(on('x1', 'x2'), now)).toEqual([silent('x1', true), silent('x2', true)]);
    seconds(60);
    expect(fleet.compare(on('x1', 'x2'), now)).toEqual([silent('x1', false), silent('x2', false)]);
  });
});
