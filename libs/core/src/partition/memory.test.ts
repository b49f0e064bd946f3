import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

const HOUR_MS = 3_600_000;

describe('what memory holds (P6)', () => {
  test('alarms are of open attempts, however long the time-outs of those that ended', () => {
    const rig = new Rig();
    for (let i = 0; i < 1_000; i++) {
      const id = `r${i}`;
      rig.submit(id, {}, { timeoutMs: HOUR_MS });
      rig.commit();
      rig.match(id);
      rig.commit();
      rig.result(rig.tokenOf(id));
      rig.commit();
    }
    expect(rig.state.open.size).toBe(0);
    expect(rig.state.alarms.size).toBeLessThan(100);
  });

  test('the alarms of those that are open are not cleared away with them', () => {
    const rig = new Rig();
    rig.submit('long', {}, { timeoutMs: HOUR_MS });
    rig.commit();
    rig.match('long');
    rig.commit();
    rig.step({ kind: 'started', token: rig.tokenOf('long'), agoMs: 0 });
    for (let i = 0; i < 500; i++) {
      const id = `r${i}`;
      rig.submit(id, {}, { timeoutMs: HOUR_MS });
      rig.commit();
      rig.match(id);
      rig.commit();
      rig.result(rig.tokenOf(id));
      rig.commit();
    }
    rig.tick(2 * HOUR_MS);
    rig.commit();
    expect(rig.cell('long').state).toBe('CANCELLING');
  });

  test('1.4: a result after LOST counts, though its run stands behind its window', () => {
    const rig = new Rig({ limits: { window: 4, windowLow: 2 } });
    const retry = { maxAttempts: 3, delayMs: 60_000, maxDelayMs: 60_000, factor: 1 } as const;
    rig.submit('a', {}, { retry: { ...retry, backoff: 'FIXED', jitter: 'NONE' } });
    rig.commit();
    rig.match('a');
    rig.commit();
    const token = rig.tokenOf('a');
    for (let i = 0; i < 8; i++) rig.submit(`p${i}`, { due: rig.now + 30_000 + i });
    rig.commit();
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
    rig.commit();
    rig.tick(11_000);
    rig.commit();
    expect(rig.cell('a').state).toBe('WAITING_RETRY');
    expect(rig.state.cells.has('a')).toBe(false);
    rig.result(token);
    rig.commit();
    expect(rig.types('a').slice(-2)).toEqual(['LATE_RESULT', 'FINISHED']);
    expect(rig.cell('a').state).toBe('SUCCEEDED');
    expect(rig.sentOf('ack')).toHaveLength(1);
  });
});
