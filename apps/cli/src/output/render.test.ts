import { expect, test } from 'vitest';
import { parseJson } from '#protocol';
import { renderList, renderOne } from './render.js';

test('integers keep their digits in every form', () => {
  const row = parseJson('{"n":9007199254740993}') as { n: unknown };
  for (const format of ['table', 'json', 'ndjson'] as const) {
    expect(renderOne(row, format)).toContain('9007199254740993');
    expect(renderList([row], [['n', ({ n }) => n]], format)).toContain('9007199254740993');
  }
});
