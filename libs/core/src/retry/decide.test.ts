import { describe, expect, test } from 'vitest';
import type { Policy, RetryPolicy, RetryRule, Token } from '../run/run.js';
import { type Failure, NEVER_AGAIN, type Spent, decideRetry } from './decide.js';
import { DEFAULT_RETRY } from './retry.js';

const token: Token = { run: 'r', attempt: 1, executor: 'x', incarnation: 1, epoch: 1, seq: 1 };
const policyOf = (retry: Partial<RetryPolicy>, more: Partial<Policy> = {}): Policy => ({
  retry: { ...DEFAULT_RETRY, jitter: 'NONE', ...retry },
  timeoutMs: 1,
  graceMs: 1,
  lostAfterMs: 1,
  retentionMs: 1,
  jobName: '',
  projectName: '',
  ...more,
});
const failure = (more: Partial<Failure> = {}): Failure => ({
  outcome: 'FAILED',
  exitCode: null,
  error: null,
  retryMs: null,
  isGivenUp: false,
  ...more,
});
const NOTHING: Spent = { all: 0, byClass: {} };
const decide = (policy: Policy, of: Failure, spent = NOTHING) =>
  decideRetry(policy, spent, of, token);
const USER = failure();
const LOST = failure({ outcome: 'LOST' });
const LATE = failure({ outcome: 'TIMED_OUT' });

/** How many retries a run gets that always fails alike. */
function retriesOf(policy: Policy, of: Failure): number {
  let spent = NOTHING;
  for (let n = 0; n < 50; n++) {
    const decision = decide(policy, of, spent);
    if (decision.kind === 'dead') return n;
    const { spends } = decision;
    if (spends === null) continue;
    const byClass = { ...spent.byClass, [spends]: (spent.byClass[spends] ?? 0) + 1 };
    spent = { all: spent.all + 1, byClass };
  }
  return 50;
}

describe('budgets (R72)', () => {
  const policy = policyOf({ maxAttempts: 3, budgets: { user: 2, platform: 10, timeout: 0 } });

  test('each class has its own', () => {
    expect(retriesOf(policy, USER)).toBe(2);
    expect(retriesOf(policy, LOST)).toBe(10);
    expect(retriesOf(policy, failure({ isGivenUp: true }))).toBe(10);
    expect(retriesOf(policy, LATE)).toBe(0);
  });

  test('they are counted apart: ten losses leave the two retries of errors', () => {
    const after: Spent = { all: 10, byClass: { platform: 10 } };
    expect(decide(policy, USER, after).kind).toBe('retry');
    expect(decide(policy, LOST, after)).toMatchObject({
      kind: 'dead',
      why: 'its budget of 10 for platform is used up',
    });
  });

  test('a class without one shares the attempts', () => {
    const some = policyOf({ maxAttempts: 3, budgets: { platform: 10 } });
    expect(retriesOf(some, USER)).toBe(2);
    expect(decide(some, USER, { all: 11, byClass: { platform: 10, user: 1 } }).kind).toBe('retry');
    expect(decide(some, LATE, { all: 12, byClass: { platform: 10, user: 2 } }).kind).toBe('dead');
  });
});

describe('rules (R73)', () => {
  const rules: readonly RetryRule[] = [
    { when: { exitCodes: [42] }, then: 'NEVER' },
    { when: { exitCodes: [42, 7] }, then: { delayMs: 5_000 } },
    { when: { classes: ['Busy'], outcomes: ['FAILED'] }, then: { delayMs: 9_000_000 } },
    { when: { statuses: [404] }, then: 'NEVER' },
  ];
  const policy = policyOf({ rules });

  test('the first that matches wins', () => {
    expect(decide(policy, failure({ exitCode: 42 }))).toMatchObject({
      kind: 'dead',
      why: 'rule 1 says never',
    });
    expect(decide(policy, failure({ exitCode: 7 }))).toMatchObject({ delayMs: 5_000 });
    expect(decide(policy, failure({ exitCode: 1 }))).toMatchObject({ delayMs: 1_000 });
  });

  test('everything that it names must hold; its delay is capped', () => {
    const busy = { class: 'Busy' };
    expect(decide(policy, failure({ error: busy }))).toMatchObject({ delayMs: 300_000 });
    const lost = failure({ error: busy, outcome: 'LOST' });
    expect(decide(policy, lost)).toMatchObject({ delayMs: 1_000 });
  });

  test('a status is that of an HTTP answer', () => {
    const status = (code: string, of = 'HTTP_STATUS'): Failure =>
      failure({ error: { class: of, code } });
    expect(decide(policy, status('404')).kind).toBe('dead');
    expect(decide(policy, status('503')).kind).toBe('retry');
    expect(decide(policy, status('404', 'Other')).kind).toBe('retry');
  });
});

describe('what the handler asks for (R74)', () => {
  test('its delay, within the cap; or never', () => {
    const policy = policyOf({ maxDelayMs: 10_000 });
    expect(decide(policy, failure({ retryMs: 4_000 }))).toMatchObject({ delayMs: 4_000 });
    expect(decide(policy, failure({ retryMs: 0 }))).toMatchObject({ delayMs: 0 });
    expect(decide(policy, failure({ retryMs: 60_000 }))).toMatchObject({ delayMs: 10_000 });
    expect(decide(policy, failure({ retryMs: NEVER_AGAIN })).kind).toBe('dead');
  });

  test('the attempts are capped all the same', () => {
    expect(retriesOf(policyOf({ maxAttempts: 4 }), failure({ retryMs: 1 }))).toBe(3);
  });
});

describe('guarantees', () => {
  test('R75: a loss that does not count never uses an attempt up', () => {
    const policy = policyOf({ maxAttempts: 1 }, { freeLoss: true });
    expect(retriesOf(policy, LOST)).toBe(50);
    expect(retriesOf(policy, failure({ isGivenUp: true }))).toBe(50);
    expect(retriesOf(policy, USER)).toBe(0);
  });

  test('2.2: AT_MOST_ONCE is never granted again, whatever the end was', () => {
    const policy = policyOf({ maxAttempts: 9 }, { atMostOnce: true, freeLoss: true });
    for (const end of [USER, LOST, LATE]) expect(decide(policy, end).kind).toBe('dead');
  });

  test('1.3: what was REJECTED can run nowhere', () => {
    expect(decide(policyOf({}), failure({ outcome: 'REJECTED' })).kind).toBe('dead');
  });
});

describe('rules are about what the job does', () => {
  const never = (when: RetryRule['when']) => policyOf({ rules: [{ when, then: 'NEVER' }] });

  test('what its executor was made to give up falls under none', () => {
    const givenUp = failure({ isGivenUp: true, exitCode: 1 });
    for (const when of [{ exitCodes: [1] }, { outcomes: ['FAILED'] as const }]) {
      expect(decide(never(when), givenUp).kind).toBe('retry');
      expect(decide(never(when), failure({ exitCode: 1 })).kind).toBe('dead');
    }
  });

  test('how the process of a lost attempt was ended is no exit code of the job', () => {
    const lost = failure({ outcome: 'LOST', exitCode: 1 });
    expect(decide(never({ exitCodes: [1] }), lost).kind).toBe('retry');
    expect(decide(never({ outcomes: ['LOST'] }), lost).kind).toBe('dead');
  });
});
