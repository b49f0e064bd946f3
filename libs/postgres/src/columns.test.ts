import { describe, expect, test } from 'vitest';
import { BinaryArray } from './binary-array.js';
import { Columns, callText, positions } from './columns.js';

const PARAMETERS = [
  ['ids', 'int4[]'],
  ['texts', 'text'],
  ['one', 'float8'],
] as const;
const AT = positions(PARAMETERS);

const textsOf = (...texts: readonly (string | null)[]): unknown => {
  const columns = new Columns(PARAMETERS);
  for (const text of texts) columns.push(AT.texts, text);
  return columns.values()[1];
};

describe('columns', () => {
  test('arrays, parted texts and single values; an empty column is NULL', () => {
    const columns = new Columns(PARAMETERS);
    columns.push(AT.ids, 1);
    columns.push(AT.ids, null);
    columns.push(AT.texts, 'a');
    columns.push(AT.texts, null);
    columns.push(AT.texts, '');
    const ids = new BinaryArray('int4[]');
    ids.push(1);
    ids.push(null);
    expect(columns.values()).toEqual([ids.value(), 'a\u001e\u001f\u001e', null]);
    expect(callText('f', PARAMETERS)).toBe('select * from f($1::int4[], $2::text, $3::float8)');
  });

  test('no text parts its column, nor is one taken for NULL', () => {
    expect(textsOf('a\u001eb', 'c')).toBe('a\ufffdb\u001ec');
    expect(textsOf('\u001f', 'c')).toBe('\ufffd\u001ec');
    expect(textsOf('a\u001fb')).toBe('a\u001fb');
  });

  test('a place where no parameter stands is a bug', () => {
    expect(() => new Columns(PARAMETERS).push(3, 1)).toThrow('no parameter 3');
  });
});
