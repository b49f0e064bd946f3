import { describe, expect, test } from 'vitest';
import { DEFAULT_RETRY } from '../retry/retry.js';
import type { Policy } from '../run/run.js';
import { Rig } from './rig/rig.js';

const RETRY = { ...DEFAULT_RETRY, jitter: 'NONE', maxAttempts: 9 } as const;

function submitted(policy: Partial<Policy>, expiresMs: number | null = null): Rig {
  const rig = new Rig();
  const expires = expiresMs === null ? null : rig.now + expiresMs;
  rig.submit('r', { expires }, { retry: RETRY, ...policy });
  rig.commit();
  return rig;
}
function run(rig: Rig): void {
  rig.match('r');
  rig.step({ kind: 'started', token: rig.tokenOf('r'), agoMs: 0 });
  rig.commit();
}
const ended = (rig: Rig) => rig.history.get('r');

describe('the four time-outs (1.8, R76)', () => {
  test('queue: EXPIRED', () => {
    const rig = submitted({}, 1_000);
    rig.tick(1_001);
    rig.commit();
    expect(ended(rig)).toMatchObject({ state: 'EXPIRED' });
  });

  test('run: TIMED_OUT, and tried again', () => {
    const rig = submitted({ timeoutMs: 1_000, graceMs: 0 });
    run(rig);
    rig.tick(7_000);
    rig.result(rig.tokenOf('r'), 'CANCELLED');
    rig.commit();
    expect(rig.cell('r').state).toBe('WAITING_RETRY');
    expect(rig.cell('r').record.attempts[0]).toMatchObject({ outcome: 'CANCELLED' });
  });

  test('whole: spans retries, and stops what runs', () => {
    const rig = submitted({ deadlineMs: 10_000 }, 10_000);
    for (let n = 0; n < 2; n++) {
      run(rig);
      rig.result(rig.tokenOf('r'), 'FAILED');
      rig.commit();
      rig.tick(2_500);
      rig.commit();
    }
    expect(rig.cell('r').state).toBe('READY');
    run(rig);
    rig.tick(4_900);
    rig.commit();
    expect(rig.cell('r').state).toBe('RUNNING');
    rig.tick(200);
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLING');
    expect(rig.sent.at(-1)).toMatchObject({ kind: 'stop', why: 'timeout' });
    rig.result(rig.tokenOf('r'), 'CANCELLED');
    rig.commit();
    expect(ended(rig)?.state).toBe('DEAD');
    expect(ended(rig)?.record.reason).toContain('deadline');
  });

  test('whole: ends what waits, where the next attempt would have come in time', () => {
    const rig = submitted({ deadlineMs: 5_000 }, 5_000);
    run(rig);
    rig.result(rig.tokenOf('r'), 'FAILED');
    rig.commit();
    rig.tick(1_500);
    rig.commit();
    expect(rig.cell('r').state).toBe('READY');
    rig.crash();
    rig.tick(4_000);
    rig.commit();
    expect(ended(rig)?.state).toBe('DEAD');
  });

  test('whole: no retry is planned behind it', () => {
    const rig = submitted({ deadlineMs: 500 }, 500);
    run(rig);
    rig.result(rig.tokenOf('r'), 'FAILED');
    rig.commit();
    expect(ended(rig)).toMatchObject({ state: 'DEAD' });
    expect(ended(rig)?.record.reason).toContain('its deadline is before the next one');
  });

  test('queue and whole together: each at its time', () => {
    const rig = submitted({ deadlineMs: 60_000 }, 1_000);
    run(rig);
    rig.result(rig.tokenOf('r'), 'FAILED');
    rig.commit();
    // The start deadline has been kept: only the whole one is left. A copy of it has it again.
    expect(rig.cell('r').record.startDeadlineMs).toBe(1_000);
    rig.tick(5_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('READY');
    rig.tick(60_000);
    rig.commit();
    expect(ended(rig)?.state).toBe('DEAD');
  });
});

describe('a deadline that passes', () => {
  for (const state of ['SCHEDULED', 'READY', 'PAUSED', 'WAITING_RETRY'] as const) {
    test(`while the run is ${state} ends it as DEAD, also after a takeover`, () => {
      const rig = new Rig();
      const due = state === 'SCHEDULED' ? rig.now + 60_000 : null;
      const expires = rig.now + 5_000;
      // A deadline counts from the due time: of a run of the future it is the start deadline's.
      const deadlineMs = state === 'SCHEDULED' ? -55_000 : 5_000;
      rig.submit('r', { due, expires }, { retry: RETRY, deadlineMs });
      rig.commit();
      if (state === 'WAITING_RETRY') {
        run(rig);
        rig.result(rig.tokenOf('r'), 'FAILED');
        rig.commit();
      }
      if (state === 'PAUSED') rig.command('c', 'r', { kind: 'pause' });
      rig.commit();
      expect(rig.cell('r').state).toBe(state);
      if (state === 'WAITING_RETRY') rig.command('c', 'r', { kind: 'pause' });
      rig.commit();
      rig.crash();
      rig.tick(6_000);
      rig.commit();
      expect(ended(rig)?.state).toBe('DEAD');
    });
  }

  test('before the run is taken in ends it as DEAD, not as EXPIRED', () => {
    const rig = new Rig();
    rig.submit('r', { submittedAt: rig.now - 9_000, expires: rig.now - 1 }, { deadlineMs: 8_999 });
    rig.commit();
    expect(ended(rig)?.state).toBe('DEAD');
  });

  test('while a page of expiries is read is not passed over', () => {
    const rig = new Rig({ limits: { expiries: 2, window: 50 }, lazyReads: true });
    const at = rig.now;
    for (const [i, ms] of [1_000, 2_000, 3_000, 9_000].entries()) {
      rig.submit(`r${i}`, { expires: at + ms });
    }
    rig.commit();
    rig.tick(1_500);
    rig.commit();
    rig.tick(1_000);
    rig.commit();
    // A refill is under way; what comes now is not in its page, and belongs into the middle.
    rig.submit('late', { expires: at + 5_000 });
    rig.commit();
    for (let i = 0; i < 20; i++) {
      rig.read();
      rig.tick(500);
      rig.commit();
    }
    for (const id of ['r2', 'late', 'r3'])
      expect([id, rig.history.get(id)?.state]).toEqual([id, 'EXPIRED']);
  });

  test('while the run is granted ends it when it bounces', () => {
    const rig = submitted({}, 1_000);
    rig.match('r');
    rig.commit();
    rig.tick(2_000);
    rig.step({ kind: 'bounce', token: rig.tokenOf('r'), reason: 'full' });
    rig.commit();
    rig.tick(1);
    rig.commit();
    expect(ended(rig)?.state).toBe('EXPIRED');
  });
});

describe('budgets in a run', () => {
  test('what is spent is remembered by class, over a takeover', () => {
    const rig = submitted({ retry: { ...RETRY, budgets: { user: 2, platform: 9 } } });
    for (let n = 0; n < 2; n++) {
      run(rig);
      rig.result(rig.tokenOf('r'), 'FAILED');
      rig.commit();
      rig.crash();
      rig.tick(10_000);
      rig.commit();
    }
    run(rig);
    rig.result(rig.tokenOf('r'), 'FAILED');
    rig.commit();
    expect(ended(rig)?.state).toBe('DEAD');
    expect(ended(rig)?.record.reason).toContain('its budget of 2 for user is used up');
    expect(ended(rig)?.spent).toBe(3);
  });

  test('R75: a loss that does not count leaves the attempts as they were', () => {
    const rig = submitted({ retry: { ...RETRY, maxAttempts: 1 }, freeLoss: true });
    run(rig);
    rig.result(rig.tokenOf('r'), 'LOST');
    rig.commit();
    expect(rig.cell('r')).toMatchObject({ state: 'WAITING_RETRY', spent: 0, attempt: 1 });
  });
});
