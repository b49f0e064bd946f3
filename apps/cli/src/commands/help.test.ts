import { describe, expect, test } from 'vitest';
import { COMMON, described, helpOf } from './help.js';

describe('the help', () => {
  test.each(described.map((each) => [each.name, each] as const))('of %s', (_name, each) => {
    const text = helpOf(each, COMMON);
    for (const name of Object.keys({ ...each.options, ...COMMON })) {
      expect(text).toMatch(new RegExp(`^  --${name}\\b`, 'm'));
    }
    expect(text.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });

  test('an option is of one type wherever it stands: it may come before the command', () => {
    const all = described.flatMap(({ options }) => Object.entries(options));
    for (const [name, { type }] of all) {
      const types = all.filter(([other]) => other === name).map(([, option]) => option.type);
      expect(new Set([...types, COMMON[name]?.type ?? type])).toEqual(new Set([type]));
    }
  });
});
