import { describe, expect, it } from 'vitest';
import { storedOf } from './resolve.js';
import { readSpecification } from './specification.js';

const NAMES = { job: null, project: 'p' };
function policyOf(more: object) {
  const read = readSpecification({ kind: 'shell', command: 'true', ...more }, [], 15_000);
  if (!read.ok) throw new Error(JSON.stringify(read.errors));
  return storedOf(read.specification, NAMES).policy;
}
function errorsOf(more: object): string[] {
  const read = readSpecification({ kind: 'shell', command: 'true', ...more }, ['spec'], 15_000);
  return read.ok ? [] : read.errors.map(({ code, path }) => `${code} ${path.join('.')}`);
}

describe('retries in a specification', () => {
  it('rules and budgets arrive at the policy', () => {
    const rules = [
      { when: { exitCodes: [42] }, then: 'NEVER' },
      { when: { statuses: [503], outcomes: ['FAILED'] }, then: { delay: '30s' } },
      { when: { classes: ['Busy'] }, then: 'RETRY' },
    ];
    const budgets = { user: 2, platform: 10, timeout: 0 };
    expect(policyOf({ retry: { rules, budgets } }).retry).toMatchObject({
      rules: [
        { when: { exitCodes: [42] }, then: 'NEVER' },
        { when: { statuses: [503], outcomes: ['FAILED'] }, then: { delayMs: 30_000 } },
        { when: { classes: ['Busy'] }, then: 'RETRY' },
      ],
      budgets,
    });
  });

  it('the guarantee, losses and the four time-outs do as well', () => {
    const more = { guarantee: 'AT_MOST_ONCE', lossCountsAsAttempt: false };
    expect(policyOf({ ...more, deadline: '1h', heartbeat: '10s', timeout: '5m' })).toMatchObject({
      atMostOnce: true,
      freeLoss: true,
      deadlineMs: 3_600_000,
      heartbeatMs: 10_000,
      timeoutMs: 300_000,
    });
  });

  it('what is not said leaves the policy, and so its hash, as it was', () => {
    expect(Object.keys(policyOf({}))).not.toContain('deadlineMs');
    expect(Object.keys(policyOf({ retry: { delay: '2s' } }).retry)).not.toContain('rules');
  });

  it('names each mistake with its path', () => {
    expect(errorsOf({ retry: { budgets: { user: -1, users: 1 } } }).sort()).toEqual([
      'INVALID_VALUE spec.retry.budgets.user',
      'UNKNOWN_FIELD spec.retry.budgets.users',
    ]);
    const rules = [
      7,
      { then: 'NEVER' },
      { when: { exitCodes: ['x'] }, then: 'NO' },
      { when: { outcomes: ['BAD'], classes: [] }, then: { delay: 'soon' } },
      { when: { statuses: [99] }, then: 'NEVER' },
    ];
    expect(errorsOf({ retry: { rules } })).toEqual([
      'INVALID_VALUE spec.retry.rules.0',
      'REQUIRED spec.retry.rules.1.when',
      'INVALID_VALUE spec.retry.rules.2.then',
      'INVALID_DURATION spec.retry.rules.3.then.delay',
      'INVALID_VALUE spec.retry.rules.4.when.statuses',
    ]);
    expect(errorsOf({ retry: { rules: {} } })).toEqual(['INVALID_VALUE spec.retry.rules']);
    expect(errorsOf({ guarantee: 'MAYBE', lossCountsAsAttempt: 'no' })).toHaveLength(2);
  });

  it('refuses what contradicts itself', () => {
    const same = { when: { exitCodes: [1] }, then: 'NEVER' };
    expect(errorsOf({ retry: { rules: [same, { ...same, then: 'RETRY' }] } })).toEqual([
      'CONTRADICTION spec.retry.rules.1',
    ]);
    expect(errorsOf({ retry: { rules: [{ when: {}, then: 'RETRY' }, same] } })).toEqual([
      'CONTRADICTION spec.retry.rules.1',
    ]);
    const slow = { rules: [{ when: {}, then: { delay: '1h' } }] };
    expect(errorsOf({ retry: slow })).toEqual(['CONTRADICTION spec.retry.maxDelay']);
    expect(errorsOf({ retry: { ...slow, maxDelay: '1h' } })).toEqual([]);
    expect(errorsOf({ deadline: '1m', startDeadline: '2m' })).toEqual([
      'CONTRADICTION spec.startDeadline',
    ]);
    expect(errorsOf({ timeout: '1s', heartbeat: '2s' })).toEqual(['CONTRADICTION spec.heartbeat']);
  });
});
