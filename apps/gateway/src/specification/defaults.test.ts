import { describe, expect, it } from 'vitest';
import { effectiveValues, readDefaults, readWithDefaults } from './defaults.js';

const JOB = { kind: 'shell', command: 'true' };
const DEFAULTS = {
  timeout: '10m',
  pool: 'big',
  retry: { maxAttempts: 7, delay: '5s' },
  labels: { team: 'data', 'cost.center': '4711' },
};

describe('a project’s defaults', () => {
  it('stand where the job says nothing, member by member', () => {
    const own = { ...JOB, pool: 'small', retry: { delay: '1m' }, labels: { team: 'web' } };
    const read = readWithDefaults(own, DEFAULTS, [], 15_000);
    expect(read).toMatchObject({
      ok: true,
      specification: {
        pool: 'small',
        timeoutMs: 600_000,
        retry: { maxAttempts: 7, delayMs: 60_000 },
        labels: { team: 'web', 'cost.center': '4711' },
      },
    });
  });

  it('do not stand where the job says null: that is the built-in value', () => {
    const read = readWithDefaults({ ...JOB, timeout: null, retry: null }, DEFAULTS, [], 15_000);
    expect(read).toMatchObject({
      specification: { timeoutMs: 3_600_000, retry: { maxAttempts: 3, delayMs: 1_000 } },
    });
  });

  it('that a job contradicts leave it as it is', () => {
    const read = readWithDefaults({ ...JOB, deadline: '1m' }, { startDeadline: '1h' }, [], 15_000);
    expect(read).toMatchObject({ ok: true, specification: { startDeadlineMs: null } });
  });

  it('say nothing of what is wrong in the job itself', () => {
    const read = readWithDefaults({ ...JOB, timeout: 'soon' }, DEFAULTS, ['spec'], 15_000);
    expect(read).toMatchObject({ ok: false, errors: [{ path: ['spec', 'timeout'] }] });
  });

  it('each value is shown with who has decided it', () => {
    const own = { ...JOB, priority: 2, timeout: null, retry: { delay: '1m' }, labels: { a: 'b' } };
    const values = effectiveValues(own, DEFAULTS, 15_000);
    const of = (name: string): unknown[] => {
      const found = values.find((each) => each.name === name);
      return [found?.value, found?.from];
    };
    expect(of('priority')).toEqual([2, 'JOB']);
    expect(of('pool')).toEqual(['big', 'PROJECT']);
    expect(of('timeout')).toEqual(['1h', 'BUILT_IN']);
    expect(of('retry.delay')).toEqual(['1m', 'JOB']);
    expect(of('retry.maxAttempts')).toEqual([7, 'PROJECT']);
    expect(of('retry.jitter')).toEqual(['FULL', 'BUILT_IN']);
    expect(of('labels.cost.center')).toEqual(['4711', 'PROJECT']);
    expect(of('labels.a')).toEqual(['b', 'JOB']);
    expect(of('deadline')).toEqual([null, 'BUILT_IN']);
    expect(of('dedup')).toEqual([null, 'BUILT_IN']);
  });

  it('retry rules, budgets, dedup and cache are shown as they are written', () => {
    const rules = [
      { when: { exitCodes: [42] }, then: 'NEVER' },
      { when: { statuses: [429] }, then: { delay: '30s' } },
    ];
    const dedup = { key: 'a-${params.b}', whileIn: 'QUEUED' };
    const own = { ...JOB, retry: { rules }, dedup, cache: { ttl: '1h' } };
    const values = effectiveValues(own, { retry: { budgets: { user: 1 }, rules: [] } }, 15_000);
    const shown = values.filter(({ name }) => /rules|budgets|dedup|cache/.test(name));
    expect(shown).toEqual([
      { name: 'retry.rules', value: rules, from: 'JOB' },
      { name: 'retry.budgets', value: { user: 1 }, from: 'PROJECT' },
      { name: 'dedup', value: dedup, from: 'JOB' },
      { name: 'cache', value: { ttl: '1h' }, from: 'JOB' },
    ]);
  });

  it.each([
    ['timeout', { timeout: 'soon' }],
    ['retry.maxAttempts', { retry: { maxAttempts: -1 } }],
    ['command', { command: 'true' }],
    ['dedup', { dedup: { key: 'a' } }],
    ['labels.a b', { labels: { 'a b': 'c' } }],
    ['', 'fast'],
  ])('with a bad %s are refused there', (path, defaults) => {
    const errors = readDefaults(defaults, ['defaults'], 15_000);
    expect(errors.map((error) => error.path.slice(1).join('.'))).toEqual([path]);
  });
});
