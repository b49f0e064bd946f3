import { expect, it } from 'vitest';
import { checkOldNode } from './old-node.js';
import { readSources, report } from './source.js';

function against(text: string): string {
  return report(checkOldNode([{ path: 'tools/a.mjs', text }]));
}

it('the tools parse and link on Node 14', () => {
  expect(report(checkOldNode(readSources(['tools'], /\.mjs$/)))).toBe('');
});

it.each([
  ['a ??= 1;', '??= is banned'],
  ['a ||= 1;', '||= is banned'],
  ['await a();', 'await outside of a function'],
  ['class A { #a() {} }', '#a is banned'],
  ['class A { static { a(); } }', 'a static block'],
  [`import fs from 'node:fs';`, `'node:fs' is banned, use 'fs'`],
  [`import { rmSync } from 'fs';`, `{ rmSync } of 'fs' is banned`],
  [`import { setTimeout } from 'timers/promises';`, 'use import()'],
])('catches %s', (text, expected) => {
  expect(against(text)).toContain(`[old-node] tools/a.mjs:1: `);
  expect(against(text)).toContain(expected);
});

it.each([
  'async function a() { await b?.c ?? d; }',
  `import fs from 'fs'; fs.rmSync('a');`,
  `import { rmSync } from './own.mjs';`,
  `const a = await2; import('node:fs').then(b);`,
])('allows %s', (text) => {
  expect(against(text)).toBe('');
});
