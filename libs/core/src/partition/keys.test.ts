import type { GivenEnd } from '../run/asked.js';
import { describe, expect, test } from 'vitest';
import { Rig } from './rig/rig.js';

const HOLDS = { dedup: 'k' };

describe('a dedup key (2.4)', () => {
  test('is given back with the end, and not before', () => {
    const rig = new Rig();
    rig.submit('r', HOLDS);
    rig.match('r');
    rig.step({ kind: 'started', token: rig.tokenOf('r'), agoMs: 0 });
    rig.result(rig.tokenOf('r'), 'FAILED');
    rig.commit();
    expect([rig.cell('r').state, rig.released]).toEqual(['WAITING_RETRY', []]);
    rig.cancel('c', 'r');
    rig.commit();
    expect(rig.released).toEqual(['r']);
  });

  test('while QUEUED it is given back at the first start; a bounce does not take it again', () => {
    const rig = new Rig();
    rig.submit('r', HOLDS, { dedupWhileQueued: true });
    rig.match('r');
    rig.commit();
    rig.step({ kind: 'bounce', token: rig.tokenOf('r'), reason: 'full' });
    rig.commit();
    expect(rig.released).toEqual([]);
    rig.match('r');
    rig.step({ kind: 'started', token: rig.tokenOf('r'), agoMs: 0 });
    rig.commit();
    expect(rig.released).toEqual(['r']);
  });

  test('is given back by an end without a start, and a run without one gives nothing', () => {
    const rig = new Rig();
    rig.submit('r', HOLDS, { dedupWhileQueued: true });
    rig.submit('s');
    rig.commit();
    rig.cancel('c', 'r');
    rig.cancel('d', 's');
    rig.commit();
    expect(rig.released).toEqual(['r']);
  });
});

describe('a cached result', () => {
  const CACHED = [{ cache: 'k' }, { cacheMs: 60_000 }] as const;

  test('is left by what ran and succeeded, also when it is late', () => {
    const rig = new Rig();
    for (const id of ['r', 'late', 'failed']) {
      rig.submit(id, ...CACHED);
      rig.match(id);
      rig.step({ kind: 'started', token: rig.tokenOf(id), agoMs: 0 });
    }
    rig.result(rig.tokenOf('r'));
    rig.result(rig.tokenOf('failed'), 'FAILED');
    rig.commit();
    const token = rig.tokenOf('late');
    rig.step({ kind: 'silent', executor: 'x1', isHeld: false, unheardMs: 0 });
    rig.tick(20_000);
    rig.commit();
    rig.result(token);
    rig.commit();
    expect(rig.history.get('late')?.state).toBe('SUCCEEDED');
    expect(rig.cached).toEqual(['r', 'late']);
  });

  test('is not left under the params of before by a run whose params were changed', () => {
    const rig = new Rig();
    for (const id of ['changed', 'hurried']) rig.submit(id, ...CACHED);
    rig.commit();
    rig.command('c1', 'changed', { kind: 'update', change: { params: '2' } });
    rig.command('c2', 'hurried', { kind: 'update', change: { priority: 1 } });
    for (const id of ['changed', 'hurried']) {
      rig.match(id);
      rig.result(rig.tokenOf(id));
    }
    rig.commit();
    expect(rig.cached).toEqual(['hurried']);
  });

  test('is not left by a mark, a cancel, or a job that keeps none', () => {
    const rig = new Rig();
    for (const id of ['marked', 'cancelled']) rig.submit(id, ...CACHED);
    rig.submit('none');
    rig.commit();
    rig.command('c1', 'marked', { kind: 'mark', as: 'SUCCEEDED', result: '1' });
    rig.cancel('c2', 'cancelled');
    rig.match('none');
    rig.result(rig.tokenOf('none'));
    rig.commit();
    expect(rig.cached).toEqual([]);
  });
});

describe('a run that is submitted with its end', () => {
  const given: GivenEnd = {
    as: 'SUCCEEDED',
    reason: 'an equal run',
    by: null,
    result: null,
    reusedFrom: 'old',
  };
  const submit = (rig: Rig, end: GivenEnd): void => {
    rig.submitWith('r', { given: end }, { ...HOLDS, cache: 'k' });
    rig.commit();
  };

  test('is final in the commit that takes it in, and is never offered', () => {
    const rig = new Rig();
    submit(rig, given);
    expect(rig.history.get('r')).toMatchObject({ state: 'SUCCEEDED', attempt: 0 });
    expect(rig.history.get('r')?.record).toMatchObject({ reusedFrom: 'old' });
    expect(rig.history.get('r')?.record).not.toHaveProperty('given');
    expect(rig.journal.map(({ type }) => type)).toEqual(['SUBMITTED', 'FINISHED']);
    expect([rig.soft, rig.released, rig.cached]).toEqual([[], ['r'], []]);
  });

  test('by hand it says by whom', () => {
    const rig = new Rig();
    submit(rig, { ...given, as: 'SKIPPED', by: 'ana', result: null, reusedFrom: null });
    expect(rig.history.get('r')?.state).toBe('SKIPPED');
    const marked = rig.journal.filter(({ type }) => type === 'MARKED');
    expect(marked).toMatchObject([{ actor: 'ana', data: { as: 'SKIPPED' } }]);
  });

  test('SUBMITTED says who has made a run of another one, and why', () => {
    const rig = new Rig();
    rig.submitWith('r', { asked: { by: 'ana', reason: 'once more' } });
    rig.submitWith('s', { asked: { by: 'bob', reason: null } });
    rig.commit();
    expect(rig.journal).toMatchObject([
      { type: 'SUBMITTED', actor: 'ana', data: { reason: 'once more' } },
      { type: 'SUBMITTED', actor: 'bob', data: null },
    ]);
    expect(rig.cell('r').record).not.toHaveProperty('asked');
  });

  test('a command that meets it first takes it in as it is', () => {
    const rig = new Rig();
    rig.writeWith('r', { given });
    rig.cancel('c', 'r');
    for (let i = 0; i < 3; i++) rig.commit();
    expect(rig.history.get('r')?.state).toBe('SUCCEEDED');
    expect(rig.answers.get('c')).toEqual({ ok: false, code: 'RUN_FINAL', state: 'SUCCEEDED' });
  });
});
