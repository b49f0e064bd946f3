import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

/** An attempt whose executor is not heard; it is LOST after 10 s of that. */
function unknown(): Rig {
  const rig = new Rig();
  rig.submit('r');
  rig.match('r');
  rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
  rig.commit();
  return rig;
}
const silent = (rig: Rig): void =>
  rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });

describe('while we ourselves hear nothing (3.2)', () => {
  test('nobody is lost, however long that lasts', () => {
    const rig = unknown();
    rig.tick(9_999);
    rig.step({ kind: 'deaf' });
    rig.tick(3_600_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('UNKNOWN');
  });

  test('the clock starts anew once who is silent could be heard', () => {
    const rig = unknown();
    rig.tick(9_000);
    rig.step({ kind: 'deaf' });
    rig.tick(60_000);
    silent(rig);
    rig.tick(9_999);
    rig.commit();
    expect(rig.cell('r').state).toBe('UNKNOWN');
    rig.tick(1);
    rig.commit();
    expect(rig.cell('r').record.attempts.at(-1)?.outcome).toBe('LOST');
    // It was silent all the while: that is told once.
    expect(rig.types('r').filter((type) => type === 'SILENT')).toHaveLength(1);
  });

  test('a clock that ran out while we stood still has not', () => {
    const rig = unknown();
    rig.now += 60_000;
    rig.step({ kind: 'deaf' });
    rig.tick(0);
    rig.commit();
    expect(rig.cell('r').state).toBe('UNKNOWN');
  });

  test('a cancel by force does not wait for it (1.6)', () => {
    const rig = unknown();
    rig.step({ kind: 'deaf' });
    rig.cancel('c', 'r', true);
    rig.step({ kind: 'deaf' });
    rig.tick(0);
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLED');
  });

  test('a cancel is not said to who is away; it is asked when it is heard again', () => {
    const rig = unknown();
    rig.step({ kind: 'deaf' });
    rig.cancel('c', 'r');
    rig.commit();
    const said = rig.sentOf('stop').length;
    rig.tick(60_000);
    rig.commit();
    expect(rig.sentOf('stop')).toHaveLength(said);
    rig.step({ kind: 'heard', executor: 'x1', incarnation: 1 });
    rig.commit();
    expect(rig.sentOf('ask-digest')).toHaveLength(1);
  });

  test('NEVER stays never', () => {
    const rig = new Rig();
    rig.submit('r', {}, { lostAfterMs: null });
    rig.match('r');
    silent(rig);
    rig.step({ kind: 'deaf' });
    silent(rig);
    rig.tick(365 * 86_400_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('UNKNOWN');
  });
});

describe('while it is held: it fell silent with many others (3.2)', () => {
  const held = (rig: Rig, isHeld: boolean): void =>
    rig.step({ kind: 'silent', executor: 'x1', isHeld, unheardMs: 0 });
  const lost = (rig: Rig): boolean => rig.cell('r').record.attempts.at(-1)?.outcome === 'LOST';

  test('nobody is lost; when it is let go, what is due is lost at once', () => {
    const rig = unknown();
    held(rig, true);
    rig.tick(59_000);
    held(rig, true);
    rig.commit();
    expect(lost(rig)).toBe(false);
    held(rig, false);
    rig.tick(0);
    rig.commit();
    expect(lost(rig)).toBe(true);
  });

  test('let go before its own time is over it is lost then', () => {
    const rig = unknown();
    held(rig, true);
    rig.tick(5_000);
    held(rig, false);
    rig.tick(4_999);
    rig.commit();
    expect(lost(rig)).toBe(false);
    rig.tick(1);
    rig.commit();
    expect(lost(rig)).toBe(true);
  });

  test('who is heard, and silent again before it has said more, has its whole time anew', () => {
    const rig = unknown();
    held(rig, true);
    rig.tick(20_000);
    rig.step({ kind: 'heard', executor: 'x1', incarnation: 1 });
    rig.tick(5_000);
    silent(rig);
    rig.tick(9_999);
    rig.commit();
    expect(lost(rig)).toBe(false);
    rig.tick(1);
    rig.commit();
    expect(lost(rig)).toBe(true);
  });

  test('who is heard and never says what became of the attempt has lost it', () => {
    const rig = unknown();
    held(rig, true);
    rig.tick(20_000);
    for (let second = 0; second < 10; second++) {
      rig.step({ kind: 'heard', executor: 'x1', incarnation: 1 });
      rig.commit();
      expect(lost(rig)).toBe(false);
      rig.tick(1_000);
    }
    rig.commit();
    expect(lost(rig)).toBe(true);
  });

  test('who came back and falls silent alone is held no more', () => {
    const rig = unknown();
    held(rig, true);
    rig.step({ kind: 'heard', executor: 'x1', incarnation: 1 });
    const { token } = rig.cell('r');
    if (token === null) throw new Error('it has a token');
    rig.step({ kind: 'started', token, agoMs: 0 });
    silent(rig);
    rig.tick(10_000);
    rig.commit();
    expect(lost(rig)).toBe(true);
  });

  test('a cancel by force does not wait for it (1.6)', () => {
    const rig = unknown();
    held(rig, true);
    rig.cancel('c', 'r', true);
    rig.tick(0);
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLED');
  });

  test('a deadline stops it; the run ends with the hold, as it may still run (1.8)', () => {
    const rig = new Rig();
    rig.submit('r', {}, { deadlineMs: 20_000 });
    rig.match('r');
    held(rig, true);
    rig.tick(20_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLING');
    held(rig, false);
    rig.tick(0);
    rig.commit();
    expect(rig.history.get('r')?.state).toBe('DEAD');
  });
});

describe('an attempt that its executor stops itself when it is cut off (3.6)', () => {
  const lostAfter = (unheardMs: number): number => {
    const rig = new Rig();
    rig.submit('r', {}, { stopAfterMs: 13_000 });
    rig.match('r');
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs });
    let ms = 0;
    for (; rig.cell('r').record.attempts.length === 0; ms += 1_000) {
      rig.tick(1_000);
      rig.commit();
    }
    return ms;
  };

  test('is lost when it is surely dead: a last will comes at once', () => {
    // 13 s without an answer, 10 s of grace, and a margin of 2.
    expect(lostAfter(0)).toBe(25_000);
    expect(lostAfter(5_000)).toBe(20_000);
  });

  test('is lost after its own time when that is later', () => {
    expect(lostAfter(15_000)).toBe(10_000);
  });
});

test('after a takeover a cancel by force waits no more for who was away before it', () => {
  const rig = unknown();
  rig.crash();
  rig.cancel('c', 'r', true);
  rig.tick(0);
  rig.commit();
  expect(rig.cell('r').state).toBe('CANCELLED');
});

describe('a cancel by force of one whose executor seemed to be there (1.6)', () => {
  const cancelled = (): Rig => {
    const rig = new Rig();
    rig.submit('r');
    rig.match('r');
    rig.cancel('c', 'r', true);
    rig.commit();
    return rig;
  };

  test('it does not wait for it when it is silent later', () => {
    const rig = cancelled();
    expect(rig.cell('r').state).toBe('CANCELLING');
    silent(rig);
    rig.tick(0);
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLED');
  });

  test('a new owner knows of the force', () => {
    const rig = cancelled();
    rig.crash();
    silent(rig);
    rig.tick(0);
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLED');
  });

  test('who asks without force, and then with it, is not made to wait', () => {
    const rig = new Rig();
    rig.submit('r');
    rig.match('r');
    rig.cancel('c1', 'r');
    rig.cancel('c2', 'r', true);
    rig.commit();
    rig.crash();
    silent(rig);
    rig.tick(0);
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLED');
  });
});
