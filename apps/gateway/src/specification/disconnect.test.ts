import { describe, expect, it } from 'vitest';
import { effectiveValues, readDefaults, readStored, readWithDefaults } from './defaults.js';
import { storedOf } from './resolve.js';
import { readSpecification } from './specification.js';

const SILENT_AFTER_MS = 15_000;
const JOB = { kind: 'shell', command: 'true' };
const policyOf = (read: ReturnType<typeof readSpecification>) => {
  if (!read.ok) throw new Error(JSON.stringify(read.errors));
  return storedOf(read.specification, { job: null, project: 'p' }).policy;
};
const read = (disconnect: object, silentAfterMs = SILENT_AFTER_MS) =>
  readSpecification({ ...JOB, disconnect }, ['spec'], silentAfterMs);

describe('disconnect.stopAfter (3.6)', () => {
  // The grace is 10 s: 15 s + lostAfter - 12 s.
  it.each([
    [{ stopAfter: '5s' }, SILENT_AFTER_MS, 5_000],
    [{ stopAfter: '13s' }, SILENT_AFTER_MS, 13_000],
    [{ stopAfter: '5s', lostAfter: '2s' }, SILENT_AFTER_MS, 5_000],
    [{ stopAfter: '18s' }, 20_000, 18_000],
    [{ stopAfter: '30d', lostAfter: 'NEVER' }, 1_000, 2_592_000_000],
  ])('%j with silentAfter %d stands in the policy', (disconnect, silentAfterMs, stopAfterMs) => {
    expect(policyOf(read(disconnect, silentAfterMs))).toMatchObject({ stopAfterMs });
  });

  it.each([
    [{ stopAfter: '4999ms' }, 'INVALID_DURATION', 'at least 5s'],
    [{ stopAfter: '4999ms', lostAfter: 'NEVER' }, 'INVALID_DURATION', 'at least 5s'],
    [{ stopAfter: '13001ms' }, 'CONTRADICTION', 'at most 13s'],
    [{ stopAfter: '5001ms', lostAfter: '2s' }, 'CONTRADICTION', 'at most 5s'],
    [{ stopAfter: '5s', lostAfter: '0s' }, 'CONTRADICTION', '2s longer, or NEVER'],
    [{ stopAfter: '5s', lostAfter: '0s' }, 'CONTRADICTION', 'no room'],
    [{ stopAfter: 'NEVER' }, 'INVALID_DURATION', 'must be a duration'],
  ])('refuses %j: %s, %s', (disconnect, code, part) => {
    expect(read(disconnect)).toMatchObject({
      ok: false,
      errors: [
        {
          code,
          path: ['spec', 'disconnect', 'stopAfter'],
          message: expect.stringContaining(part) as string,
        },
      ],
    });
  });

  it('is no part of a policy that does not name it', () => {
    expect(policyOf(read({ lostAfter: '1s' }))).not.toHaveProperty('stopAfterMs');
  });

  it('a project may have one that fits, and a job that it contradicts stands alone', () => {
    const defaults = { disconnect: { stopAfter: '12s' } };
    expect(readDefaults(defaults, [], SILENT_AFTER_MS)).toEqual([]);
    expect(readDefaults(defaults, [], 10_000)).toMatchObject([{ code: 'CONTRADICTION' }]);
    const resolved = (own: object) =>
      policyOf(readWithDefaults({ ...JOB, ...own }, defaults, [], SILENT_AFTER_MS));
    expect(resolved({})).toMatchObject({ stopAfterMs: 12_000 });
    expect(resolved({ disconnect: { lostAfter: '1s' } })).not.toHaveProperty('stopAfterMs');
  });

  it('what was stored under a longer silentAfter stands, with its defaults', () => {
    const own = { ...JOB, disconnect: { stopAfter: '13s' } };
    const defaults = { pool: 'far' };
    expect(read(own.disconnect, 10_000).ok).toBe(false);
    const stored = readStored(own, defaults, 10_000);
    expect(stored).toMatchObject({ specification: { pool: 'far', stopAfterMs: 13_000 } });
    expect(effectiveValues(own, defaults, 10_000)).toContainEqual({
      ...{ name: 'disconnect.stopAfter', value: '13s', from: 'JOB' },
    });
  });
});
