import { expect, it } from 'vitest';
import { checkDecisions } from './decisions.js';
import { readSources, report } from './source.js';

const good = '# T\n\n## Context\n\na\n\n## Choice\n\nb\n\n## Consequence\n\nc\n';

function against(path: string, text: string): string {
  return report(checkDecisions([{ path, text }]));
}

it('every decision record has its three parts, a page and a number', () => {
  const records = readSources(['docs/decisions'], /\.md$/);
  expect(records.length).toBeGreaterThan(0);
  expect(report(checkDecisions(records))).toBe('');
});

it('takes a good one', () => {
  expect(against('docs/decisions/0002-a.md', good)).toBe('');
});

it.each([
  ['docs/decisions/0002-a.md', good.replace('## Choice', '## Chance'), "has no '## Choice'"],
  ['docs/decisions/0002-a.md', good.replace('\nc\n', '\n'), "has no '## Consequence'"],
  ['docs/decisions/0002-a.md', good + 'x\n'.repeat(80), 'more than a page'],
  ['docs/decisions/thoughts.md', good, 'rename it'],
])('catches %s', (path, text, expected) => {
  expect(against(path, text)).toContain(`[decision-record] ${path}: `);
  expect(against(path, text)).toContain(expected);
});

it('catches a number that is given twice', () => {
  const two = ['docs/decisions/0002-a.md', 'docs/decisions/0002-b.md'];
  expect(report(checkDecisions(two.map((path) => ({ path, text: good }))))).toContain(
    '0002-b.md: has the number of docs/decisions/0002-a.md',
  );
});
