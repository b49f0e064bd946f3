import { describe, expect, test } from 'vitest';
import { holds } from './holds.js';
import { play } from './testkit/play.js';

describe('jobs pause and resume', () => {
  test.each([
    ['jobs pause', 'pauseJob', true],
    ['jobs resume', 'resumeJob', false],
  ] as const)('%s says who holds it, and whether all partitions know', async (name, field, is) => {
    const job = { name: 'nightly', paused: is, pausedBy: is ? 'ana' : null, pausedReason: null };
    const data = { [field]: { job, changed: true, pending: true, userErrors: [] } };
    const values = { reason: 'the disk is full' };
    const played = await play(holds, name, values, data, { words: ['nightly'] });
    expect(played.document).toContain(`${field}(input`);
    expect(played.variables).toEqual({
      input: { project: 'demo', name: 'nightly', reason: 'the disk is full' },
    });
    expect(JSON.parse(played.out)).toEqual({ ...job, changed: true, pending: true });
  });

  test('a refusal is told', async () => {
    const userErrors = [{ code: 'NOT_FOUND', path: ['name'], message: 'There is no job x.' }];
    const data = { pauseJob: { job: null, changed: false, pending: false, userErrors } };
    await expect(play(holds, 'jobs pause', {}, data, { words: ['x'] })).rejects.toThrow(
      'There is no job x.',
    );
  });
});

describe('jobs values', () => {
  const effective = [
    { name: 'timeout', value: '10m', from: 'PROJECT' },
    { name: 'deadline', value: null, from: 'BUILT_IN' },
  ];

  test('shows each value and where it is from', async () => {
    const options = { words: ['nightly'], format: 'table' } as const;
    const { out } = await play(holds, 'jobs values', {}, { job: { effective } }, options);
    const rows = out
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    expect(rows).toEqual([
      ['NAME', 'VALUE', 'FROM'],
      ['timeout', '10m', 'PROJECT'],
      ['deadline', expect.anything(), 'BUILT_IN'],
    ]);
  });

  test('says rules, budgets, dedup and cache by fields; a program has them whole', async () => {
    const rules = [
      { when: { exitCodes: [42, 43], outcomes: ['FAILED'] }, then: 'NEVER' },
      { when: { classes: ['Busy'] }, then: { delay: '30s' } },
    ];
    const whole = [
      { name: 'retry.rules', value: rules, from: 'JOB' },
      { name: 'retry.budgets', value: { user: 1, platform: 9 }, from: 'PROJECT' },
      { name: 'dedup', value: { key: 'k', whileIn: 'ACTIVE' }, from: 'JOB' },
      { name: 'cache', value: { ttl: '1h' }, from: 'JOB' },
    ];
    const data = { job: { effective: whole } };
    const options = { words: ['nightly'], format: 'table' } as const;
    const { out } = await play(holds, 'jobs values', {}, data, options);
    expect(
      out
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ['retry.rules.0', 'exitCodes 42 or 43, outcomes FAILED: NEVER', 'JOB'],
      ['retry.rules.1', 'classes Busy: RETRY after 30s', 'JOB'],
      ['retry.budgets.user', '1', 'PROJECT'],
      ['retry.budgets.platform', '9', 'PROJECT'],
      ['dedup.key', 'k', 'JOB'],
      ['dedup.whileIn', 'ACTIVE', 'JOB'],
      ['cache.ttl', '1h', 'JOB'],
    ]);
    const json = await play(holds, 'jobs values', {}, data, { words: ['nightly'] });
    expect(JSON.parse(json.out)).toEqual(whole);
  });

  test('of a job that is not there: says so', async () => {
    const words = ['nightly'];
    await expect(play(holds, 'jobs values', {}, { job: null }, { words })).rejects.toThrow(
      'Job nightly in demo does not exist',
    );
  });
});
