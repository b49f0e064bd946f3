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

  test('of a job that is not there: says so', async () => {
    const words = ['nightly'];
    await expect(play(holds, 'jobs values', {}, { job: null }, { words })).rejects.toThrow(
      'There is no job nightly in demo.',
    );
  });
});
