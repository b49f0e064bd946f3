import { describe, expect, test } from 'vitest';
import { ParamsChecker } from './params.js';

const check = (checker: ParamsChecker, schema: unknown, params: unknown) =>
  checker.check(JSON.stringify(schema), schema, params, ['params']);
const words = (schema: unknown, params: unknown): string[] =>
  check(new ParamsChecker(), schema, params).map(
    ({ path, message }) => `${path.join()} ${message}`,
  );

describe('params against their schema', () => {
  test('each violation names what it is about', () => {
    const schema = {
      type: 'object',
      required: ['city'],
      properties: { city: { type: 'string' }, days: { type: 'integer', maximum: 7 } },
      additionalProperties: false,
    };
    expect(words(schema, { days: 9, town: 'x' })).toEqual([
      'params,city params.city is missing.',
      'params,town params.town is not allowed.',
      'params,days params.days must be <= 7.',
    ]);
    expect(words(schema, { city: 'Bern', days: 3 })).toEqual([]);
  });

  test('a pattern is heeded', () => {
    const schema = { type: 'string', pattern: '^[a-z]+$' };
    expect(words(schema, 'abc')).toEqual([]);
    expect(words(schema, 'ABC')).toEqual(['params params must match pattern "^[a-z]+$".']);
  });

  test('nor does one that names itself twice at each level', () => {
    const itself = { $ref: '#/$defs/tree' };
    const tree = { type: 'object', properties: { in: { allOf: [itself, itself] } } };
    let value: unknown = {};
    for (let depth = 0; depth < 60; depth++) value = { in: value };
    const began = performance.now();
    const [error] = check(new ParamsChecker(), { $defs: { tree }, ...itself }, value);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(error?.message).toContain('too long');
  }, 10_000);

  test('a schema that never comes to an end stops nobody for long', async () => {
    const checker = new ParamsChecker();
    const evil = { type: 'string', pattern: '^(a+)+$' };
    const value = `${'a'.repeat(60)}!`;
    const began = performance.now();
    const said = Array.from({ length: 5_000 }, () => check(checker, evil, value));
    expect(performance.now() - began).toBeLessThan(5_000);
    for (const errors of said) {
      expect(errors.map(({ code, path }) => [code, path])).toEqual([
        ['INVALID_PARAMS', ['params']],
      ]);
    }
    expect(said[0]?.[0]?.message).toContain('too long');
    // The next turn has its own time.
    await new Promise((resolve) => setImmediate(resolve));
    expect(check(checker, { type: 'string', pattern: '^b$' }, 'b')).toEqual([]);
  });
});
