import { describe, expect, test } from 'vitest';
import { binaryArray } from './binary-array.js';
import { Columns, callText } from './columns.js';

const PARAMETERS = [
  ['ids', 'int4[]'],
  ['texts', 'text'],
  ['one', 'float8'],
] as const;

const textsOf = (...texts: readonly (string | null)[]): unknown => {
  const columns = new Columns(PARAMETERS);
  for (const text of texts) columns.push('texts', text);
  return columns.values()[1];
};

describe('columns', () => {
  test('arrays, parted texts and single values; an empty column is NULL', () => {
    const columns = new Columns(PARAMETERS);
    columns.push('ids', 1);
    columns.push('ids', null);
    columns.push('texts', 'a');
    columns.push('texts', null);
    columns.push('texts', '');
    const ids = binaryArray('int4[]', [1, null]);
    expect(columns.values()).toEqual([ids, 'a\u001e\u001f\u001e', null]);
    expect(callText('f', PARAMETERS)).toBe('select * from f($1::int4[], $2::text, $3::float8)');
  });

  test('no text parts its column, nor is one taken for NULL', () => {
    expect(textsOf('a\u001eb', 'c')).toBe('a\ufffdb\u001ec');
    expect(textsOf('\u001f', 'c')).toBe('\ufffd\u001ec');
    expect(textsOf('a\u001fb')).toBe('a\u001fb');
  });

  test('a name that is no parameter is a bug', () => {
    expect(() => new Columns(PARAMETERS).push('other', 1)).toThrow('no parameter other');
  });
});
