import { describe, expect, test } from 'vitest';
import { DEFAULT_RETRY } from '../retry/retry.js';
import type { RunState } from '../run/run.js';
import type { CommandAction } from './command.js';
import { Rig } from './rig/rig.js';

const REACH: Readonly<Record<string, (rig: Rig) => void>> = {
  SCHEDULED: (rig) => void rig.submit('r', { due: rig.now + 5_000 }),
  READY: (rig) => void rig.submit('r'),
  PAUSED: (rig) => {
    rig.submit('r');
    rig.commit();
    rig.command('p0', 'r', { kind: 'pause' });
  },
  GRANTED: (rig) => {
    rig.submit('r');
    rig.match('r');
  },
  RUNNING: (rig) => {
    rig.submit('r');
    rig.match('r');
    rig.step({ kind: 'started', token: rig.tokenOf('r'), agoMs: 0 });
  },
  WAITING_RETRY: (rig) => {
    rig.submit('r');
    rig.match('r');
    rig.result(rig.tokenOf('r'), 'FAILED');
  },
  DEAD: (rig) => {
    rig.submit('r', {}, { retry: { ...DEFAULT_RETRY, maxAttempts: 1 } });
    rig.match('r');
    rig.result(rig.tokenOf('r'), 'FAILED');
  },
  SUCCEEDED: (rig) => {
    rig.submit('r');
    rig.match('r');
    rig.result(rig.tokenOf('r'));
  },
};

const PAUSE: CommandAction = { kind: 'pause' };
const RESUME: CommandAction = { kind: 'resume' };
const DISCARD: CommandAction = { kind: 'discard' };
const MARK: CommandAction = { kind: 'mark', as: 'SUCCEEDED', result: '"by hand"' };
const SKIP: CommandAction = { kind: 'mark', as: 'SKIPPED', result: null };
const LATER: CommandAction = { kind: 'update', change: { afterMs: 9_000 } };
const NOW: CommandAction = { kind: 'update', change: { at: 0, priority: 1 } };

/** The state after the command, or the code of its refusal. */
const TABLE: readonly (readonly [string, CommandAction, Readonly<Record<string, string>>])[] = [
  [
    'pause',
    PAUSE,
    { SCHEDULED: 'PAUSED', READY: 'PAUSED', PAUSED: 'PAUSED', WAITING_RETRY: 'PAUSED' },
  ],
  ['resume', RESUME, { PAUSED: 'READY', SCHEDULED: 'RUN_NOT_PAUSED', READY: 'RUN_NOT_PAUSED' }],
  ['mark', MARK, { SCHEDULED: 'SUCCEEDED', READY: 'SUCCEEDED', PAUSED: 'SUCCEEDED' }],
  ['skip', SKIP, { SCHEDULED: 'SKIPPED', PAUSED: 'SKIPPED', WAITING_RETRY: 'SKIPPED' }],
  ['put off', LATER, { SCHEDULED: 'SCHEDULED', READY: 'SCHEDULED', PAUSED: 'PAUSED' }],
  ['hurry', NOW, { SCHEDULED: 'READY', READY: 'READY', PAUSED: 'PAUSED' }],
  ...[PAUSE, MARK, SKIP, LATER].map((action) => {
    const started = { GRANTED: 'RUN_STARTED', RUNNING: 'RUN_STARTED', SUCCEEDED: 'RUN_FINAL' };
    return [`${action.kind} too late`, action, started] as const;
  }),
  ['resume of what runs', RESUME, { RUNNING: 'RUN_NOT_PAUSED', SUCCEEDED: 'RUN_FINAL' }],
  ['discard', DISCARD, { DEAD: 'DEAD', SUCCEEDED: 'RUN_NOT_DEAD', RUNNING: 'RUN_NOT_DEAD' }],
  ['discard before the end', DISCARD, { READY: 'RUN_NOT_DEAD', PAUSED: 'RUN_NOT_DEAD' }],
  ['update between retries', NOW, { WAITING_RETRY: 'RUN_STARTED' }],
];

/** What was so before. */
const SAME = { same: true };

function reach(state: string): Rig {
  const rig = new Rig();
  REACH[state]?.(rig);
  rig.commit();
  expect(rig.cell('r').state).toBe(state);
  return rig;
}

describe('a command meets every state', () => {
  for (const [name, action, outcomes] of TABLE) {
    for (const [state, outcome] of Object.entries(outcomes)) {
      test(`${name} takes ${state} to ${outcome}`, () => {
        const rig = reach(state);
        rig.command('c1', 'r', action);
        rig.commit();
        const isRefused = outcome.startsWith('RUN_');
        expect(rig.answers.get('c1')).toEqual(
          isRefused
            ? { ok: false, code: outcome, state }
            : { ok: true, state: outcome, ...(name === 'pause' && state === outcome ? SAME : {}) },
        );
        expect(rig.cell('r').state).toBe(isRefused ? state : outcome);
        expect(rig.inbox.has('c1')).toBe(false);
      });
    }
  }
});

test('a dead letter is discarded by whom and why; the run stays as it is (5.3)', () => {
  const rig = reach('DEAD');
  const before = structuredClone(rig.cell('r'));
  rig.command('c1', 'r', DISCARD);
  rig.commit();
  rig.commit();
  expect(rig.discarded).toEqual(['r']);
  expect(rig.cell('r')).toEqual(before);
  expect(rig.journal.at(-1)).toMatchObject({
    type: 'CHANGED',
    run: 'r',
    actor: 'me',
    data: { discarded: true, reason: 'asked' },
  });
});

describe('a pause (1.7)', () => {
  const paused = (rig: Rig): void => {
    rig.command('p1', 'r', PAUSE);
    rig.commit();
  };
  const resumed = (rig: Rig): void => {
    rig.command('p2', 'r', RESUME);
    rig.commit();
  };

  test('is left by nothing but a resume: no match, no due time, no restart', () => {
    const rig = reach('SCHEDULED');
    paused(rig);
    rig.crash();
    rig.tick(60_000);
    rig.match('r');
    rig.commit();
    expect(rig.cell('r').state).toBe('PAUSED');
    // It costs no memory while it waits.
    expect(rig.state.cells.size).toBe(0);
    resumed(rig);
    expect(rig.cell('r').state).toBe('READY');
    rig.match('r');
    rig.commit();
    expect(rig.cell('r').state).toBe('GRANTED');
  });

  test('of what is ready withdraws its offer, and gives it back its place in line', () => {
    const rig = reach('READY');
    const { rank } = rig.cell('r');
    rig.soft.length = 0;
    paused(rig);
    expect(rig.soft).toContainEqual(expect.objectContaining({ kind: 'withdraw' }));
    rig.tick(5_000);
    resumed(rig);
    expect(rig.cell('r')).toMatchObject({ state: 'READY', rank });
    expect(rig.soft).toContainEqual(expect.objectContaining({ kind: 'offer' }));
  });

  test('of a run of the future, or of one between attempts, keeps the time it waits for', () => {
    for (const state of ['SCHEDULED', 'WAITING_RETRY'] as const satisfies readonly RunState[]) {
      const rig = reach(state);
      const { rank } = rig.cell('r');
      paused(rig);
      resumed(rig);
      expect(rig.cell('r')).toMatchObject({ state, rank });
      rig.tick(rank - rig.now);
      rig.commit();
      expect(rig.cell('r').state).toBe('READY');
    }
  });

  test('does not hold its start deadline', () => {
    const rig = new Rig();
    rig.submit('r', { expires: rig.now + 1_000 });
    rig.commit();
    paused(rig);
    rig.tick(2_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('EXPIRED');
  });

  test('says who, why and from where; a resume takes that away', () => {
    const rig = reach('READY');
    paused(rig);
    expect(rig.cell('r').record.paused).toMatchObject({ from: 'READY', by: 'me', reason: 'asked' });
    resumed(rig);
    expect(rig.cell('r').record.paused).toBeUndefined();
    const types = rig.journal.map((event) => event.type);
    expect(types).toEqual(['SUBMITTED', 'PAUSED', 'RESUMED']);
    expect(rig.journal[1]).toMatchObject({ actor: 'me', from: 'READY', to: 'PAUSED' });
  });
});

describe('commands that wait behind one look-up', () => {
  const behind = (): Rig => {
    const rig = new Rig({ limits: { window: 1, windowLow: 0 }, lazyReads: true });
    rig.submit('a');
    rig.now++;
    rig.submit('r');
    rig.commit();
    rig.read();
    expect(rig.state.cells.has('r')).toBe(false);
    return rig;
  };
  const settle = (rig: Rig): void => {
    for (let i = 0; i < 4; i++) {
      rig.commit();
      rig.read();
    }
    rig.commit();
  };

  test('a pause and what comes after it are all applied', () => {
    const rig = behind();
    rig.command('c1', 'r', PAUSE);
    rig.command('c2', 'r', RESUME);
    rig.command('c3', 'r', PAUSE);
    rig.command('c4', 'r', { kind: 'cancel', graceMs: null, force: false });
    settle(rig);
    expect([...rig.answers.values()].map(({ ok }) => ok)).toEqual([true, true, true, true]);
    expect(rig.cell('r').state).toBe('CANCELLED');
  });

  test('an update that leaves the run behind its window does not hide it from a cancel', () => {
    const rig = behind();
    rig.command('c1', 'r', { kind: 'update', change: { priority: 10 } });
    rig.command('c2', 'r', { kind: 'cancel', graceMs: null, force: false });
    settle(rig);
    expect(rig.answers.get('c2')).toEqual({ ok: true, state: 'CANCELLED' });
  });

  test('a cancel that meets a run which is not taken in, and has no place in the window', () => {
    const rig = behind();
    const cell = rig.submit('x');
    rig.crash();
    rig.inbox.add('x');
    rig.rows.set('x', cell);
    rig.command('c1', 'x', { kind: 'cancel', graceMs: null, force: false });
    settle(rig);
    expect(rig.answers.get('c1')).toEqual({ ok: true, state: 'CANCELLED' });
  });
});

test('a second cancel changes nothing, and says so; by force it is another word', () => {
  const rig = reach('RUNNING');
  const cancel = { kind: 'cancel', graceMs: null } as const;
  const told = [false, false, true].map((force, i) => {
    rig.command(`c${i}`, 'r', { ...cancel, force });
    rig.commit();
    return rig.answers.get(`c${i}`);
  });
  expect(told.map((outcome) => outcome?.ok && outcome.same)).toEqual([undefined, true, undefined]);
});

describe('an update', () => {
  test('is for what has never run, also where its loss did not count (3.5)', () => {
    const rig = new Rig();
    rig.submit('r', {}, { freeLoss: true });
    rig.match('r');
    rig.commit();
    rig.result(rig.tokenOf('r'), 'LOST');
    rig.commit();
    rig.tick(10_000);
    rig.commit();
    expect(rig.cell('r')).toMatchObject({ state: 'READY', spent: 0 });
    rig.command('c1', 'r', NOW);
    rig.commit();
    expect(rig.answers.get('c1')).toMatchObject({ ok: false, code: 'RUN_STARTED' });
  });

  test('moves a ready run in its line, from its own ready time', () => {
    const rig = reach('READY');
    const { rank, readyAt } = rig.cell('r');
    rig.tick(500);
    rig.command('c1', 'r', { kind: 'update', change: { priority: 1 } });
    rig.commit();
    // 6.3: rank = readyAt + (priority - 1) x 60 s.
    expect(rig.cell('r')).toMatchObject({ readyAt, rank: rank - 4 * 60_000 });
    expect(rig.cell('r').facts.priority).toBe(1);
  });

  test('that puts it off moves its start deadline along', () => {
    const rig = new Rig();
    rig.submit('r', { expires: rig.now + 1_000 });
    rig.commit();
    rig.command('c1', 'r', { kind: 'update', change: { afterMs: 10_000 } });
    rig.commit();
    rig.tick(2_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('SCHEDULED');
    rig.tick(9_500);
    rig.commit();
    expect(rig.cell('r').state).toBe('EXPIRED');
  });

  test('of its params leaves memory: an assignment reads them anew', () => {
    const rig = reach('READY');
    rig.command('c1', 'r', { kind: 'update', change: { params: '{"b":2}' } });
    rig.commit();
    expect(rig.cell('r').facts.params).toBeUndefined();
  });
});
