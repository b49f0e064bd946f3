import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

/** One run, granted; told of by its executor or not. */
function granted(started: boolean): { rig: Rig; token: ReturnType<Rig['tokenOf']> } {
  const rig = new Rig();
  rig.submit('r', {}, { timeoutMs: 1_000 });
  rig.match('r');
  const token = rig.tokenOf('r');
  if (started) rig.step({ kind: 'started', token, agoMs: 0 });
  rig.commit();
  return { rig, token };
}

type Phase = 'accepted' | 'started' | 'ended';

/** The executor lists the token, or promises by its watermark to refuse it. */
function digest(rig: Rig, phase?: Phase, incarnation = 1): void {
  const token = rig.tokenOf('r');
  const watermark = { epoch: token.epoch, seq: token.seq };
  const entries = phase === undefined ? [] : [{ token, phase }];
  rig.step({ kind: 'digest', executor: 'x1', incarnation, watermark, entries });
  rig.commit();
}

test('what took a late result says so: its attempt has succeeded, nothing was lost (1.4)', () => {
  const { rig, token } = granted(false);
  rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
  rig.commit();
  rig.tick(10_000);
  rig.commit();
  expect(rig.cell('r').record).toMatchObject({ attempts: [{ outcome: 'LOST' }] });
  const { now } = rig;
  rig.result(token, 'SUCCEEDED', { startedAgoMs: 9_000, finishedAgoMs: 4_000 });
  rig.commit();
  const { record, startedAt } = rig.cell('r');
  expect(startedAt).toBe(now - 9_000);
  expect(record.attempts).toEqual([
    {
      number: 1,
      executor: 'x1',
      grantedAt: expect.any(Number),
      startedAt: now - 9_000,
      finishedAt: now - 4_000,
      outcome: 'SUCCEEDED',
      exitCode: 0,
    },
  ]);
  expect(record.reason).toBeUndefined();
});

test('a late result has not started before its grant, and keeps the start that was known', () => {
  const { rig, token } = granted(false);
  const at = rig.now;
  rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
  rig.tick(10_000);
  rig.commit();
  rig.result(token, 'SUCCEEDED', { startedAgoMs: 1e18, finishedAgoMs: 1e18 });
  rig.commit();
  expect(rig.cell('r').startedAt).toBe(at);
  expect(rig.cell('r').record.attempts[0]).toMatchObject({ startedAt: at, finishedAt: at });
  const started = granted(true);
  started.rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
  started.rig.tick(10_000);
  started.rig.commit();
  started.rig.result(started.token, 'SUCCEEDED', { startedAgoMs: null });
  started.rig.commit();
  expect(started.rig.cell('r').record.attempts[0]?.startedAt).toEqual(expect.any(Number));
});

test('who may be away for ever is asked too, once it is heard again (3.2, 3.3)', () => {
  const rig = new Rig();
  rig.submit('r', {}, { lostAfterMs: null });
  rig.match('r');
  rig.commit();
  rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
  rig.commit();
  expect(rig.cell('r').state).toBe('UNKNOWN');
  rig.crash();
  rig.step({ kind: 'heard', executor: 'x1', incarnation: 1 });
  rig.commit();
  expect(rig.sentOf('ask-digest')).toHaveLength(1);
  // The assignment never arrived: it is said again.
  rig.step({
    kind: 'digest',
    executor: 'x1',
    incarnation: 1,
    watermark: { epoch: 0, seq: 0 },
    entries: [],
  });
  rig.commit();
  rig.tick(1_000);
  rig.commit();
  expect(rig.cell('r').state).toBe('GRANTED');
  expect(rig.sentOf('assign')).toHaveLength(2);
});

describe('a digest (§6)', () => {
  test('that promises to refuse a token which was never started is a bounce', () => {
    const { rig } = granted(false);
    digest(rig);
    expect(rig.cell('r')).toMatchObject({ state: 'READY', attempt: 0, spent: 0 });
  });

  for (const silent of [false, true]) {
    test(`that does not list what had started means LOST${silent ? ', UNKNOWN' : ''}`, () => {
      const { rig } = granted(true);
      if (silent) rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
      digest(rig);
      expect(rig.cell('r')).toMatchObject({ state: 'WAITING_RETRY', attempt: 1, spent: 1 });
      expect(rig.cell('r').record.lost).toMatchObject({ run: 'r', attempt: 1, epoch: 1, seq: 2 });
      expect(rig.cell('r').token).toBeNull();
    });
  }

  test('that no longer lists what is stopped by its time-out leaves it TIMED_OUT', () => {
    const { rig } = granted(true);
    rig.tick(60_000);
    expect(rig.cell('r').state).toBe('CANCELLING');
    digest(rig);
    expect(rig.cell('r')).toMatchObject({ state: 'WAITING_RETRY', spent: 1 });
  });

  test('brings back what was UNKNOWN, as far as it is known to have come', () => {
    for (const phase of ['accepted', 'started'] as const) {
      const { rig } = granted(phase === 'started');
      rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
      expect(rig.cell('r').state).toBe('UNKNOWN');
      digest(rig, phase);
      expect(rig.cell('r').state).toBe(phase === 'started' ? 'RUNNING' : 'GRANTED');
    }
  });

  test('of a newer incarnation loses, of an older one is ignored', () => {
    const { rig } = granted(false);
    digest(rig, undefined, 0);
    expect(rig.cell('r').state).toBe('GRANTED');
    digest(rig, undefined, 2);
    expect(rig.cell('r')).toMatchObject({ state: 'WAITING_RETRY', spent: 1 });
  });

  test('tells what is not current to stop', () => {
    const { rig, token } = granted(true);
    const old = { ...token, seq: token.seq - 1 };
    rig.step({
      kind: 'digest',
      executor: 'x1',
      incarnation: 1,
      watermark: { epoch: token.epoch, seq: token.seq },
      entries: [
        { token: old, phase: 'started' },
        { token, phase: 'started' },
      ],
    });
    rig.commit();
    expect(rig.sentOf('stop').map((effect) => effect.token)).toEqual([old]);
    expect(rig.sentOf('digested')).toHaveLength(1);
  });
});

describe('a word under a token that is not the open one (3.3)', () => {
  test('what still runs of a lost attempt is told to stop, with no digest asked', () => {
    const { rig, token } = granted(true);
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
    rig.tick(10_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('WAITING_RETRY');
    rig.sent.length = 0;
    rig.step({ kind: 'started', token, agoMs: 0 });
    rig.commit();
    const stop = { kind: 'stop', token, graceMs: 0, why: 'superseded' };
    expect(rig.sent).toContainEqual(stop);
    // Also when another attempt of it is open.
    rig.tick(60_000);
    rig.match('r', 'x2');
    rig.commit();
    rig.sent.length = 0;
    rig.step({ kind: 'froze', token, seq: 1 });
    rig.commit();
    expect(rig.sent).toContainEqual(stop);
    expect(rig.cell('r').state).toBe('GRANTED');
  });
});
