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
