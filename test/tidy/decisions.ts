import type { Finding, Source } from './source.js';

const wanted = ['Context', 'Choice', 'Consequence'] as const;
const linesMax = 80;

/** A decision record says why, what and what follows, on one page, under a number of its own. */
export function checkDecisions(records: readonly Source[]): readonly Finding[] {
  const findings: Finding[] = [];
  const numbers = new Map<string, string>();
  for (const { path, text } of records) {
    const add = (message: string): void => {
      findings.push({ rule: 'decision-record', path, line: 0, message });
    };
    for (const heading of wanted) {
      if (sectionOf(text, heading) === '') add(`has no '## ${heading}' with a text; write it`);
    }
    const lines = text.split('\n').length;
    if (lines > linesMax) add(`${lines} lines is more than a page (${linesMax}); shorten it`);
    const number = /\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1];
    if (number === undefined) {
      add('is no NNNN-title.md; rename it');
      continue;
    }
    const other = numbers.get(number);
    if (other !== undefined) add(`has the number of ${other}; take the next free one`);
    numbers.set(number, path);
  }
  return findings;
}

function sectionOf(text: string, heading: string): string {
  const [, after] = text.split(new RegExp(`^##? ${heading}s?\\s*$`, 'm'));
  return (after?.split(/^##? /m)[0] ?? '').trim();
}
