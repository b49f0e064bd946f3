import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { silent } from '../../testkit/gateway.js';
import { formatError, problem } from './errors.js';

const SECRET = 'relation "secret" of postgres://u:p@h does not exist';

describe('formatError', () => {
  it('tells nothing of our insides: a reference goes out, the story into the log', () => {
    const logged: unknown[] = [];
    const log = { ...silent, error: (_: string, fields?: object) => void logged.push(fields) };
    const cause = new Error(SECRET);
    for (const path of [undefined, ['run', 'log']]) {
      const error = new GraphQLError(SECRET, { originalError: cause, path: path ?? null });
      const told = formatError(log, error);
      expect(JSON.stringify(told)).not.toContain('secret');
      expect(told.extensions?.['code']).toBe('INTERNAL');
      const reference = told.extensions?.['reference'];
      expect(told.message).toContain(reference);
      expect(logged.at(-1)).toEqual({ reference, error: cause });
      expect(told.path).toEqual(path);
    }
  });

  it('knows what passes by itself', () => {
    const code = (error: Error): unknown =>
      formatError(silent, new GraphQLError('x', { originalError: error })).extensions?.['code'];
    expect(code(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))).toBe('UNAVAILABLE');
    expect(code(Object.assign(new Error('starting'), { code: '57P03' }))).toBe('UNAVAILABLE');
    expect(code(Object.assign(new Error('syntax'), { code: '42601' }))).toBe('INTERNAL');
    expect(code(new Error('Query read timeout'))).toBe('UNAVAILABLE');
  });

  it('keeps a code that was given, and calls the rest bad input', () => {
    expect(formatError(silent, problem('NOT_FOUND', 'm')).extensions?.['code']).toBe('NOT_FOUND');
    expect(formatError(silent, new GraphQLError('m')).extensions?.['code']).toBe('BAD_USER_INPUT');
  });
});
