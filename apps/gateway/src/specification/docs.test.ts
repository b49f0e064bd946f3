import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { effectiveValues } from './defaults.js';
import { readSpecification } from './specification.js';

const text = readFileSync(join(import.meta.dirname, '../../../../docs/jobs.md'), 'utf8');
const names = (cell: string): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

it('docs/jobs.md: the example is a specification', () => {
  const [, example = ''] = /```json\n([^`]+)```/.exec(text) ?? [];
  expect(readSpecification(JSON.parse(example), [], 15_000)).toMatchObject({ ok: true });
});

it('docs/jobs.md: each built-in value is the one that stands there', () => {
  const told = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, first = '', values = ''] = line.split('|').map((cell) => cell.trim());
    const [lead = '', ...rest] = names(first);
    const group = lead.includes('.') ? `${lead.split('.')[0]}.` : '';
    const all = [lead, ...rest.map((name) => group + name)];
    const defaults = values.split(',').map((value) => value.trim().replaceAll('`', ''));
    for (const [i, name] of all.entries()) told.set(name, defaults[i] ?? '');
  }
  const values = effectiveValues({ kind: 'shell', command: 'true' }, {}, 15_000);
  expect(values.length).toBeGreaterThan(14);
  for (const { name, value } of values) {
    const built = typeof value === 'string' ? value : JSON.stringify(value ?? 'none');
    expect([name, told.get(name)]).toEqual([name, built.replaceAll('"', '')]);
  }
});
