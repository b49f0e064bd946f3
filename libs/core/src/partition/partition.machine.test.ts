import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

/** A run of the named state, and its rig; every state the foundation can reach. */
const REACH = {
  SCHEDULED: (rig: Rig) => rig.submit('r', { due: rig.now + 5_000 }),
  READY: (rig: Rig) => rig.submit('r'),
  GRANTED: (rig: Rig) => {
    rig.submit('r');
    rig.match('r');
  },
  RUNNING: (rig: Rig) => {
    REACH.GRANTED(rig);
    rig.step({ kind: 'started', token: rig.tokenOf('r'), agoMs: 0 });
  },
  UNKNOWN: (rig: Rig) => {
    REACH.RUNNING(rig);
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
  },
  CANCELLING: (rig: Rig) => {
    REACH.RUNNING(rig);
    rig.cancel('c0', 'r');
  },
  WAITING_RETRY: (rig: Rig) => {
    REACH.RUNNING(rig);
    rig.result(rig.tokenOf('r'), 'FAILED');
  },
  SUCCEEDED: (rig: Rig) => {
    REACH.RUNNING(rig);
    rig.result(rig.tokenOf('r'));
  },
  CANCELLED: (rig: Rig) => {
    REACH.READY(rig);
    rig.cancel('c0', 'r');
  },
} as const;
type Reached = keyof typeof REACH;

const TOKEN_BEFORE: Partial<Record<Reached, true>> = {
  GRANTED: true,
  RUNNING: true,
  UNKNOWN: true,
  CANCELLING: true,
  WAITING_RETRY: true,
  SUCCEEDED: true,
};

function reach(state: Reached): { rig: Rig; token: ReturnType<Rig['tokenOf']> } {
  const rig = new Rig();
  REACH[state](rig);
  rig.commit();
  const granted = rig.journal.find((event) => event.type === 'GRANTED');
  const token = {
    run: 'r',
    attempt: 1,
    executor: 'x1',
    incarnation: 1,
    epoch: 1,
    seq: granted?.seq ?? 99,
  };
  expect(rig.cell('r').state).toBe(state);
  return { rig, token };
}

/** What each message makes of each state: the table of semantics 1.1 as far as it is built. */
const TABLE: Record<
  string,
  { act: (rig: Rig, token: never) => void; to: Record<Reached, string> }
> = {
  match: {
    act: (rig) => rig.match('r', 'x2'),
    to: {
      SCHEDULED: 'SCHEDULED',
      READY: 'GRANTED',
      GRANTED: 'GRANTED',
      RUNNING: 'RUNNING',
      UNKNOWN: 'UNKNOWN',
      CANCELLING: 'CANCELLING',
      WAITING_RETRY: 'WAITING_RETRY',
      SUCCEEDED: 'SUCCEEDED',
      CANCELLED: 'CANCELLED',
    },
  },
  started: {
    act: (rig, token) => rig.step({ kind: 'started', token, agoMs: 0 }),
    to: {
      SCHEDULED: 'SCHEDULED',
      READY: 'READY',
      GRANTED: 'RUNNING',
      RUNNING: 'RUNNING',
      UNKNOWN: 'RUNNING',
      CANCELLING: 'CANCELLING',
      WAITING_RETRY: 'WAITING_RETRY',
      SUCCEEDED: 'SUCCEEDED',
      CANCELLED: 'CANCELLED',
    },
  },
  'result SUCCEEDED': {
    act: (rig, token) => rig.result(token),
    to: {
      SCHEDULED: 'SCHEDULED',
      READY: 'READY',
      GRANTED: 'SUCCEEDED',
      RUNNING: 'SUCCEEDED',
      UNKNOWN: 'SUCCEEDED',
      // 1.6: a result after the cancel is recorded as late; the cancel has won.
      CANCELLING: 'CANCELLED',
      // 1.4: a token whose end was recorded is closed.
      WAITING_RETRY: 'WAITING_RETRY',
      SUCCEEDED: 'SUCCEEDED',
      CANCELLED: 'CANCELLED',
    },
  },
  'result FAILED': {
    act: (rig, token) => rig.result(token, 'FAILED'),
    to: {
      SCHEDULED: 'SCHEDULED',
      READY: 'READY',
      GRANTED: 'WAITING_RETRY',
      RUNNING: 'WAITING_RETRY',
      UNKNOWN: 'WAITING_RETRY',
      CANCELLING: 'CANCELLED',
      WAITING_RETRY: 'WAITING_RETRY',
      SUCCEEDED: 'SUCCEEDED',
      CANCELLED: 'CANCELLED',
    },
  },
  bounce: {
    act: (rig, token) => rig.step({ kind: 'bounce', token, reason: 'full' }),
    to: {
      SCHEDULED: 'SCHEDULED',
      READY: 'READY',
      GRANTED: 'READY',
      RUNNING: 'READY',
      UNKNOWN: 'READY',
      CANCELLING: 'CANCELLED',
      WAITING_RETRY: 'WAITING_RETRY',
      SUCCEEDED: 'SUCCEEDED',
      CANCELLED: 'CANCELLED',
    },
  },
  silent: {
    act: (rig) => rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 }),
    to: {
      SCHEDULED: 'SCHEDULED',
      READY: 'READY',
      GRANTED: 'UNKNOWN',
      RUNNING: 'UNKNOWN',
      UNKNOWN: 'UNKNOWN',
      CANCELLING: 'CANCELLING',
      WAITING_RETRY: 'WAITING_RETRY',
      SUCCEEDED: 'SUCCEEDED',
      CANCELLED: 'CANCELLED',
    },
  },
  cancel: {
    act: (rig) => rig.cancel('c1', 'r'),
    to: {
      SCHEDULED: 'CANCELLED',
      READY: 'CANCELLED',
      GRANTED: 'CANCELLING',
      RUNNING: 'CANCELLING',
      UNKNOWN: 'CANCELLING',
      CANCELLING: 'CANCELLING',
      WAITING_RETRY: 'CANCELLED',
      SUCCEEDED: 'SUCCEEDED',
      CANCELLED: 'CANCELLED',
    },
  },
  'a newer incarnation': {
    act: (rig) => rig.step({ kind: 'heard', executor: 'x1', incarnation: 2 }),
    to: {
      SCHEDULED: 'SCHEDULED',
      READY: 'READY',
      GRANTED: 'WAITING_RETRY',
      RUNNING: 'WAITING_RETRY',
      UNKNOWN: 'WAITING_RETRY',
      CANCELLING: 'CANCELLED',
      WAITING_RETRY: 'WAITING_RETRY',
      SUCCEEDED: 'SUCCEEDED',
      CANCELLED: 'CANCELLED',
    },
  },
};

describe('every state meets every message (1.1)', () => {
  for (const [name, { act, to }] of Object.entries(TABLE)) {
    for (const state of Object.keys(REACH) as Reached[]) {
      test(`${name} takes ${state} to ${to[state]}`, () => {
        const { rig, token } = reach(state);
        act(rig, token as never);
        rig.commit();
        expect(rig.cell('r').state).toBe(to[state]);
      });
    }
  }
});

describe('reports are answered', () => {
  for (const state of Object.keys(TOKEN_BEFORE) as Reached[]) {
    test(`a result of the run's token is acknowledged in ${state}, after the commit`, () => {
      const { rig, token } = reach(state);
      const before = rig.sentOf('ack').length;
      rig.result(token);
      const isRecorded = ['GRANTED', 'RUNNING', 'UNKNOWN', 'CANCELLING'].includes(state);
      expect(rig.sentOf('ack').length).toBe(isRecorded ? before : before + 1);
      rig.commit();
      expect(rig.sentOf('ack').length).toBe(before + 1);
    });
  }

  test('a result with another token changes nothing and is acknowledged (1.4)', () => {
    const { rig, token } = reach('RUNNING');
    rig.result({ ...token, seq: token.seq + 50 });
    rig.commit();
    expect(rig.cell('r').state).toBe('RUNNING');
    expect(rig.sentOf('ack').map((ack) => ack.token.seq)).toEqual([token.seq + 50]);
  });

  test('a token of an epoch above ours displaces us and is not answered (§6)', () => {
    const { rig, token } = reach('RUNNING');
    rig.result({ ...token, epoch: 9 });
    rig.commit();
    expect(rig.displaced).toBe(9);
    expect(rig.sentOf('ack')).toEqual([]);
  });

  test('the ack of a repeated result does not overtake the first copy’s commit', () => {
    const { rig, token } = reach('RUNNING');
    rig.result(token);
    rig.result(token);
    expect(rig.sentOf('ack')).toEqual([]);
    rig.commit();
    expect(rig.sentOf('ack')).toHaveLength(2);
  });
});

describe('events', () => {
  test('a start and a result in one slice make both events (1.1)', () => {
    const { rig, token } = reach('GRANTED');
    rig.result(token);
    rig.commit();
    expect(rig.types('r')).toEqual(['SUBMITTED', 'GRANTED', 'STARTED', 'FINISHED']);
  });

  test('a late result after a cancel is recorded as late (1.6)', () => {
    const { rig, token } = reach('CANCELLING');
    rig.result(token);
    rig.commit();
    expect(rig.types('r').slice(-2)).toEqual(['LATE_RESULT', 'FINISHED']);
  });
});

describe('time', () => {
  test('a run with a due time is READY at it, not before (2.6)', () => {
    const { rig } = reach('SCHEDULED');
    rig.tick(4_999);
    rig.commit();
    expect(rig.cell('r').state).toBe('SCHEDULED');
    rig.tick(1);
    rig.commit();
    expect(rig.cell('r').state).toBe('READY');
  });

  test('a retry waits exactly its delay without jitter (5.1)', () => {
    const { rig } = reach('WAITING_RETRY');
    rig.tick(999);
    expect(rig.cell('r').state).toBe('WAITING_RETRY');
    rig.tick(1);
    expect(rig.cell('r').state).toBe('READY');
  });

  test('a run that did not start by its start deadline is EXPIRED (1.8)', () => {
    const rig = new Rig();
    rig.submit('r', { expires: rig.now + 3_000 });
    rig.commit();
    rig.tick(2_999);
    rig.commit();
    expect(rig.cell('r').state).toBe('READY');
    rig.tick(1);
    rig.commit();
    expect(rig.cell('r').state).toBe('EXPIRED');
  });

  test('a start deadline spares a run that has started', () => {
    const rig = new Rig();
    rig.submit('r', { expires: rig.now + 3_000 });
    rig.match('r');
    rig.commit();
    rig.tick(5_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('GRANTED');
  });

  test('silence ends in LOST after lostAfter, and NEVER means never (3.2)', () => {
    const { rig } = reach('UNKNOWN');
    rig.tick(9_999);
    expect(rig.cell('r').state).toBe('UNKNOWN');
    rig.tick(1);
    rig.commit();
    expect(rig.cell('r').state).toBe('WAITING_RETRY');
    expect(rig.cell('r').record.attempts.at(-1)?.outcome).toBe('LOST');

    const never = new Rig();
    never.submit('r', {}, { lostAfterMs: null });
    never.match('r');
    never.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
    never.tick(365 * 86_400_000);
    never.commit();
    expect(never.cell('r').state).toBe('UNKNOWN');
  });

  test('an attempt that ended by silence takes a late result, no other does (1.4)', () => {
    const { rig, token } = reach('UNKNOWN');
    rig.tick(10_000);
    rig.commit();
    rig.result(token);
    rig.commit();
    expect(rig.cell('r').state).toBe('SUCCEEDED');
    expect(rig.types('r').slice(-2)).toEqual(['LATE_RESULT', 'FINISHED']);
  });

  test('once a newer token is granted, the lost one is closed (1.4)', () => {
    const { rig, token } = reach('UNKNOWN');
    rig.tick(10_000);
    rig.tick(1_000);
    rig.match('r', 'x2');
    rig.commit();
    rig.result(token);
    rig.commit();
    expect(rig.cell('r').state).toBe('GRANTED');
  });

  test('the backstop stops what its executor did not time out (1.6)', () => {
    const { rig, token } = reach('RUNNING');
    rig.tick(60_000 + 10_000 + 5_000);
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLING');
    expect(rig.sentOf('stop').at(-1)?.why).toBe('timeout');
    rig.result(token, 'CANCELLED');
    rig.commit();
    expect(rig.cell('r').record.attempts.at(-1)?.outcome).toBe('CANCELLED');
    expect(rig.cell('r').state).toBe('WAITING_RETRY');
  });
});

describe('bounces and retries', () => {
  test('a bounce spends no attempt and keeps the place (1.5)', () => {
    const { rig, token } = reach('GRANTED');
    const rank = rig.cell('r').rank;
    rig.step({ kind: 'bounce', token, reason: 'full' });
    rig.commit();
    expect(rig.cell('r')).toMatchObject({ state: 'READY', spent: 0, attempt: 0, rank });
  });

  test('three bounces keep the run away from that executor for five minutes (1.5)', () => {
    const rig = new Rig();
    rig.submit('r');
    for (let i = 0; i < 3; i++) {
      rig.match('r');
      rig.commit();
      rig.step({ kind: 'bounce', token: rig.tokenOf('r'), reason: 'full' });
      rig.commit();
    }
    rig.match('r', 'x1');
    expect(rig.cell('r').state).toBe('READY');
    rig.match('r', 'x2');
    expect(rig.cell('r').state).toBe('GRANTED');
    rig.step({ kind: 'bounce', token: rig.tokenOf('r'), reason: 'full' });
    rig.tick(300_000);
    rig.match('r', 'x1');
    expect(rig.cell('r').state).toBe('GRANTED');
  });

  test('REJECTED ends the run without retry (1.3)', () => {
    const { rig, token } = reach('RUNNING');
    rig.result(token, 'REJECTED' as never);
    rig.commit();
    expect(rig.cell('r').state).toBe('DEAD');
  });

  test('the attempts are counted out: FAILED three times is DEAD (5.2)', () => {
    const rig = new Rig();
    rig.submit('r');
    for (const delay of [1_000, 2_000]) {
      rig.match('r');
      rig.result(rig.tokenOf('r'), 'FAILED');
      rig.commit();
      expect(rig.cell('r').state).toBe('WAITING_RETRY');
      rig.tick(delay);
    }
    rig.match('r');
    rig.result(rig.tokenOf('r'), 'FAILED');
    rig.commit();
    expect(rig.cell('r').state).toBe('DEAD');
    expect(rig.cell('r').record.attempts.map((attempt) => attempt.number)).toEqual([1, 2, 3]);
  });
});

describe('commands', () => {
  test('cancelling a final run answers what it already is', () => {
    const { rig } = reach('SUCCEEDED');
    rig.cancel('c9', 'r');
    rig.commit();
    expect(rig.answers.get('c9')).toEqual({ ok: false, code: 'RUN_FINAL', state: 'SUCCEEDED' });
  });

  test('a cancel before its submission was taken in takes it in first (§3)', () => {
    const rig = new Rig();
    rig.submit('other');
    rig.commit();
    rig.crash();
    const cell = rig.cell('other');
    rig.inbox.add('late');
    rig.rows.set('late', { ...cell, facts: { ...cell.facts, id: 'late' } });
    rig.cancel('c1', 'late');
    rig.commit();
    expect(rig.cell('late').state).toBe('CANCELLED');
    expect(rig.types('late')).toEqual(['SUBMITTED', 'CANCEL_REQUESTED', 'FINISHED']);
    // Its hint comes after all: it changes nothing.
    rig.step({ kind: 'submitted', inbox: 'late', cell });
    rig.commit();
    expect(rig.types('late')).toHaveLength(3);
  });

  test('the same command twice is applied once (P7)', () => {
    const { rig } = reach('RUNNING');
    rig.cancel('c1', 'r');
    rig.commit();
    rig.cancel('c1', 'r');
    rig.commit();
    expect(rig.types('r').filter((type) => type === 'CANCEL_REQUESTED')).toHaveLength(1);
  });

  test('force does not wait for an executor that is away (1.6)', () => {
    const { rig } = reach('UNKNOWN');
    rig.cancel('c1', 'r', true);
    rig.tick();
    rig.commit();
    expect(rig.cell('r').state).toBe('CANCELLED');
  });
});
