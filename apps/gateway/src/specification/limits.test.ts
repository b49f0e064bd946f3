import { describe, expect, it } from 'vitest';
import { formatSize } from './limits.js';
import { storedOf } from './resolve.js';
import { readSpecification } from './specification.js';

const read = (limits: unknown) =>
  readSpecification({ kind: 'shell', command: 'true', limits }, ['spec'], 15_000);

describe('limits.output', () => {
  it.each([
    ['64KB', 65_536],
    ['64KiB', 65_536],
    ['10MB', 10_485_760],
    ['1.5 mb', 1_572_864],
    ['1GB', 1_073_741_824],
  ])('%s are %d bytes, and stand in the policy', (output, bytes) => {
    const answer = read({ output });
    if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
    const { policy, body } = storedOf(answer.specification, { job: null, project: 'p' });
    expect(policy.outputBytesMax).toBe(bytes);
    expect(body).not.toContain('output');
  });

  it.each(['64KB', '500KB', '64MB', '1GB', '1023MB'])('%s reads back as it was written', (size) => {
    const answer = read({ output: size });
    if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
    expect(formatSize(answer.specification.outputBytesMax ?? 0)).toBe(size);
  });

  it.each(['63KB', '1.001GB', '10', 'MB', '-5MB', '1e3MB', 10, '', {}, true])(
    'refuses %j with its path',
    (output) => {
      expect(read({ output })).toMatchObject({
        ok: false,
        errors: [{ code: 'INVALID_VALUE', path: ['spec', 'limits', 'output'] }],
      });
    },
  );

  it('says which limits will be, and which never', () => {
    const answer = read({ memory: '1GB', outptu: '1MB' });
    expect(answer).toMatchObject({
      ok: false,
      errors: [
        { code: 'UNSUPPORTED_FIELD', path: ['spec', 'limits', 'memory'] },
        { code: 'UNKNOWN_FIELD', path: ['spec', 'limits', 'outptu'] },
      ],
    });
    expect(read('10MB')).toMatchObject({ ok: false });
  });

  it('is no part of a policy that does not name it', () => {
    const answer = readSpecification({ kind: 'shell', command: 'true' }, [], 15_000);
    if (!answer.ok) throw new Error(JSON.stringify(answer.errors));
    const { policy } = storedOf(answer.specification, { job: null, project: 'p' });
    expect(policy).not.toHaveProperty('outputBytesMax');
  });
});
