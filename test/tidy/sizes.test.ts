import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFileLength, checkFunctionLength, checkLineLength } from './sizes.js';
import type { Ratchet } from './sizes.js';
import { readSources, report, root } from './source.js';

const sources = readSources(
  ['apps', 'libs', 'bench', 'test', 'tools', 'examples'],
  /\.(ts|tsx|mjs)$/,
);

function longFile(lines: number, ratchet: Ratchet = {}): string {
  return report(checkFileLength([{ path: 'libs/a/src/a.ts', text: 'x\n'.repeat(lines) }], ratchet));
}

describe('file length', () => {
  it('holds in the tree', () => {
    const text = readFileSync(join(root, 'test/tidy/ratchet.json'), 'utf8');
    expect(report(checkFileLength(sources, JSON.parse(text) as Ratchet))).toBe('');
  });

  it('allows 300 lines and asks for a ratchet entry from 301 on', () => {
    expect(longFile(300)).toBe('');
    expect(longFile(301)).toContain('add "libs/a/src/a.ts": 301 to test/tidy/ratchet.json');
  });

  it('ends at 700 whatever the ratchet says', () => {
    expect(longFile(701, { 'libs/a/src/a.ts': 900 })).toContain('past the end of a file (700)');
  });

  it('lets a file of the ratchet shrink and never grow', () => {
    expect(longFile(400, { 'libs/a/src/a.ts': 400 })).toBe('');
    expect(longFile(401, { 'libs/a/src/a.ts': 400 })).toContain('grew from 400 to 401');
    expect(longFile(399, { 'libs/a/src/a.ts': 400 })).toContain('write 399 instead of 400');
    expect(longFile(300, { 'libs/a/src/a.ts': 400 })).toContain('remove it');
    expect(longFile(1, { 'libs/gone.ts': 400 })).toContain('libs/gone.ts: is short or gone');
  });
});

describe('function length', () => {
  const body = 'x();\n'.repeat(69);
  const inFile = (path: string, text: string): string => {
    return report(checkFunctionLength([{ path, text }]));
  };

  it('holds in the tree', () => {
    expect(report(checkFunctionLength(sources))).toBe('');
  });

  it('allows 70 lines and not 71', () => {
    expect(inFile('a.ts', `function f() {${body}}`)).toBe('');
    expect(inFile('a.ts', `function f() {${body}\n}`)).toContain('f has 71 lines');
  });

  it.each([
    ['const f = () => {', '};', 'f has 71'],
    ['class A { m() {', '}}', 'm has 71'],
    ['class A { constructor() {', '}}', 'constructor has 71'],
    ['go(function () {', '});', 'a function has 71'],
  ])('sees %s', (head, tail, expected) => {
    expect(inFile('a.ts', `${head}\n${body}${tail}`)).toContain(expected);
  });

  it('takes a describe of a test for a heading', () => {
    const text = `describe('x', () => {\n${body}\n});`;
    expect(inFile('a.test.ts', text)).toBe('');
    expect(inFile('a.ts', text)).toContain('banned');
  });
});

describe('line length', () => {
  it('holds in the tree', () => {
    expect(report(checkLineLength(sources))).toBe('');
  });

  it('counts characters, and names the line', () => {
    expect(report(checkLineLength([{ path: 'a.ts', text: `\n${'é'.repeat(100)}\n` }]))).toBe('');
    expect(report(checkLineLength([{ path: 'a.ts', text: `\n${'x'.repeat(101)}\n` }]))).toContain(
      'a.ts:2: 101 columns is banned',
    );
  });
});
