import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

function born(rig: Rig, session: string, incarnation: number | null, life = 'life-1'): void {
  rig.step({
    kind: 'birth',
    birth: {
      executor: 'x',
      session,
      incarnation,
      life: incarnation === null ? null : life,
      pool: 'default',
      detail: { name: 'x', version: '1', slots: 1, labels: {}, capabilities: [], draining: false },
    },
  });
  rig.commit();
}

const welcomes = (rig: Rig): number[] => rig.sentOf('welcome').map((w) => w.incarnation);
const state = (rig: Rig): string | undefined => rig.state.executors.get('x')?.state;

describe('incarnations (§6)', () => {
  test('a birth without one gets the next, the same again in the same session', () => {
    const rig = new Rig();
    born(rig, 's1', null);
    born(rig, 's1', null);
    expect(welcomes(rig)).toEqual([1, 1]);
    born(rig, 's1', 1);
    born(rig, 's2', null);
    expect(welcomes(rig)).toEqual([1, 1, 1, 2]);
  });

  test('the number is durable before it is told', () => {
    const rig = new Rig();
    rig.step({
      kind: 'birth',
      birth: {
        executor: 'x',
        session: 's',
        incarnation: null,
        life: null,
        pool: 'default',
        detail: {
          name: 'x',
          version: '1',
          slots: 1,
          labels: {},
          capabilities: [],
          draining: false,
        },
      },
    });
    expect(welcomes(rig)).toEqual([]);
    rig.commit();
    expect(welcomes(rig)).toEqual([1]);
  });

  test('one of another life of the cluster has none here', () => {
    const rig = new Rig();
    born(rig, 's1', 7, 'life-0');
    expect(welcomes(rig)).toEqual([1]);
  });

  test('an older one is ignored', () => {
    const rig = new Rig();
    born(rig, 's1', null);
    born(rig, 's1', 1);
    born(rig, 's2', null);
    born(rig, 's2', 2);
    born(rig, 's1', 1);
    expect(welcomes(rig)).toEqual([1, 1, 2, 2]);
  });

  test('a late birth without one costs a number and shuts nobody out', () => {
    const rig = new Rig();
    born(rig, 's1', null);
    born(rig, 's2', 1);
    born(rig, 's1', null);
    born(rig, 's2', 1);
    expect(welcomes(rig)).toEqual([1, 1, 2, 1]);
    born(rig, 's3', null);
    expect(welcomes(rig).at(-1)).toBe(3);
  });
});

describe('presence of its own cell (3.1)', () => {
  test('a death of its session shows OFFLINE, one of an older session changes nothing', () => {
    const rig = new Rig();
    born(rig, 's1', null);
    born(rig, 's1', 1);
    born(rig, 's2', 1);
    rig.step({ kind: 'gone', executor: 'x', session: 's1' });
    expect(state(rig)).toBe('ACTIVE');
    rig.step({ kind: 'gone', executor: 'x', session: 's2' });
    expect(state(rig)).toBe('OFFLINE');
    born(rig, 's3', 1);
    expect(state(rig)).toBe('ACTIVE');
  });
});

describe('what a person says of an executor', () => {
  type As = 'DRAINING' | 'CORDONED' | null;
  const close = (rig: Rig, as: As, inbox = `c${rig.answers.size}`, withinMs?: number): unknown => {
    rig.inbox.add(inbox);
    const who = { by: 'ana', reason: 'new disk', withinMs: withinMs ?? null };
    rig.step({ kind: 'close', inbox, executor: 'x', as, ...who });
    rig.commit();
    return rig.answers.get(inbox);
  };
  const there = (): Rig => {
    const rig = new Rig();
    born(rig, 's1', null);
    born(rig, 's1', 1);
    return rig;
  };

  test('a closed one shows it, with who and why; opened again it is ACTIVE', () => {
    const rig = there();
    expect(close(rig, 'CORDONED')).toEqual({ ok: true, state: null });
    expect(state(rig)).toBe('CORDONED');
    expect(rig.state.executors.get('x')?.closed).toMatchObject({ by: 'ana', reason: 'new disk' });
    expect(close(rig, 'DRAINING')).toEqual({ ok: true, state: null });
    expect(state(rig)).toBe('DRAINING');
    expect(close(rig, null)).toEqual({ ok: true, state: null });
    expect(state(rig)).toBe('ACTIVE');
    expect(rig.state.executors.get('x')?.closed).toBeNull();
  });

  test('said twice it is the same; one that nobody knows is NOT_FOUND', () => {
    const rig = there();
    close(rig, 'CORDONED');
    expect(close(rig, 'CORDONED')).toMatchObject({ ok: true, same: true });
    expect(close(new Rig(), 'CORDONED')).toMatchObject({ ok: false, code: 'NOT_FOUND' });
  });

  test('it outlives the sessions of the executor, and its own restart', () => {
    const rig = there();
    close(rig, 'CORDONED');
    rig.step({ kind: 'gone', executor: 'x', session: 's1' });
    rig.commit();
    expect(state(rig)).toBe('OFFLINE');
    born(rig, 's2', 1);
    expect(state(rig)).toBe('CORDONED');
  });

  test('closed while it is away it comes back so', () => {
    const rig = there();
    rig.step({ kind: 'gone', executor: 'x', session: 's1' });
    expect(close(rig, 'DRAINING')).toEqual({ ok: true, state: null });
    expect(state(rig)).toBe('OFFLINE');
    born(rig, 's2', 1);
    expect(state(rig)).toBe('DRAINING');
  });
});

describe('a drained executor', () => {
  const running = (facts = {}): Rig => {
    const rig = new Rig();
    rig.submit('r', {}, { freeLoss: true, ...facts });
    rig.match('r');
    rig.commit();
    return rig;
  };
  const tokenOf = (rig: Rig) => {
    const { token } = rig.cell('r');
    if (token === null) throw new Error('it has no token');
    return token;
  };
  const evict = (rig: Rig, isDue: boolean): void => {
    rig.step({ kind: 'evict', executor: 'x1', isDue });
    rig.commit();
  };
  const drained = (rig: Rig): string[] => rig.sentOf('stop').map(({ why }) => why);

  test('gives back what it has not started: no attempt is spent (1.5)', () => {
    const rig = running();
    evict(rig, false);
    // It may have started meanwhile: then it goes on.
    expect(drained(rig)).toEqual(['give-back']);
    rig.result(tokenOf(rig), 'CANCELLED', { startedAgoMs: null });
    rig.commit();
    expect(rig.cell('r')).toMatchObject({ state: 'READY', attempt: 0, spent: 0 });
    expect(rig.types('r')).toContain('BOUNCED');
  });

  test('lets what runs go on until its time is over', () => {
    const rig = running();
    rig.step({ kind: 'started', token: tokenOf(rig), agoMs: 0 });
    evict(rig, false);
    expect(drained(rig)).toEqual([]);
    evict(rig, true);
    expect(drained(rig)).toEqual(['drained']);
    expect(rig.cell('r').state).toBe('RUNNING');
  });

  test('what was stopped runs elsewhere, and the loss is free where the job says so (3.5)', () => {
    const rig = running();
    rig.step({ kind: 'started', token: tokenOf(rig), agoMs: 0 });
    evict(rig, true);
    rig.result(tokenOf(rig), 'CANCELLED', { startedAgoMs: 10 });
    rig.commit();
    expect(rig.cell('r')).toMatchObject({ state: 'WAITING_RETRY', spent: 0 });
  });

  test('what ended meanwhile has ended', () => {
    const rig = running();
    rig.step({ kind: 'started', token: tokenOf(rig), agoMs: 0 });
    evict(rig, true);
    rig.result(tokenOf(rig), 'SUCCEEDED', { startedAgoMs: 10 });
    rig.commit();
    expect(rig.history.get('r')?.state).toBe('SUCCEEDED');
  });
});
