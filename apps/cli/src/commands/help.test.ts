import { describe, expect, test } from 'vitest';
import { described, locals } from './all.js';
import { helpOf } from './help.js';
import { COMMON, commonOf } from './options.js';
import { commands } from './table.js';

describe('the help', () => {
  test.each(described.map((each) => [each.name, each] as const))('of %s', (name, each) => {
    const text = helpOf(each);
    const options = { ...commonOf(each), ...each.options };
    for (const option of Object.keys(options)) {
      expect(text).toMatch(new RegExp(`^  --${option}\\b`, 'm'));
    }
    expect(text.split('\n').filter((line) => line.length > 100)).toEqual([]);
    // What a page of a manual has: what it is for, how it is written, and one that can be copied.
    expect(each.summary.length).toBeGreaterThan(10);
    expect(each.usage.startsWith(`orrery ${name}`)).toBe(true);
    expect(each.example).toContain(`orrery ${name}`);
    expect(text).toContain(`Example\n  ${each.example}`);
    for (const { help } of Object.values(options)) expect(help).not.toBe('');
  });

  test('every command that prints data takes --output, and what takes it is no other', () => {
    const names = described.filter((each) => 'output' in commonOf(each)).map(({ name }) => name);
    const wordy = locals.filter(({ isWordy }) => isWordy === true).map(({ name }) => name);
    expect(wordy.toSorted()).toEqual(['completion', 'dev', 'migrate']);
    const all = [...locals, ...commands].map(({ name }) => name);
    expect(names.toSorted()).toEqual(all.filter((name) => !wordy.includes(name)).toSorted());
    for (const { options } of described) expect(Object.keys(options)).not.toContain('output');
  });

  test('an example uses only what there is', () => {
    for (const each of described) {
      const options = { ...commonOf(each), ...each.options };
      const used = [...`${each.usage} ${each.example}`.matchAll(/ \[?--([a-z-]+)/g)];
      for (const [, option = ''] of used) expect(Object.keys(options)).toContain(option);
    }
  });

  test('an option is of one type wherever it stands: it may come before the command', () => {
    const all = described.flatMap(({ options }) => Object.entries(options));
    for (const [name, { type }] of all) {
      const types = all.filter(([other]) => other === name).map(([, option]) => option.type);
      expect(new Set([...types, COMMON[name]?.type ?? type])).toEqual(new Set([type]));
    }
  });
});
