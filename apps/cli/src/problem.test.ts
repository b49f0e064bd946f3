import { expect, test } from 'vitest';
import { withPath } from './context.js';
import { problemOf, toldOf } from './problem.js';

const told = (code: string, message: string, url: string, hint?: string): string =>
  problemOf([toldOf({ code, message, ...(hint === undefined ? {} : { hint }) }, { url })]).message;

test('a key that is refused is told once, with where', () => {
  const message = 'Send a valid API key as `Authorization: Bearer ork_…`.';
  expect(told('UNAUTHENTICATED', message, 'http://a/graphql', 'Send a valid API key.')).toBe(
    'this key is not valid at http://a/graphql (UNAUTHENTICATED) ' +
      'Give a valid one by orrery login, or by ORRERY_API_KEY.',
  );
});

test('an address that answers something else is asked about', () => {
  expect(told('NOT_GRAPHQL', 'No.', 'http://a/x')).toContain('Is http://a/x a /graphql address?');
  expect(told('NOT_GRAPHQL', 'No.', 'http://a/graphql')).toBe('No. (NOT_GRAPHQL)');
});

test('an address without a path means /graphql', () => {
  expect(withPath('http://a:1')).toBe('http://a:1/graphql');
  expect(withPath('http://a:1/x')).toBe('http://a:1/x');
});
