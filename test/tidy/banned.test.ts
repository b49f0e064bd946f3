import { describe, expect, it, vi } from 'vitest';
import { bans, checkBans } from './banned.js';
import { readSources, report } from './source.js';

/** Every source is read: beside other work that takes its time. */
vi.setConfig({ testTimeout: 60_000 });

function against(path: string, text: string): string {
  return report(checkBans([{ path, text }]));
}

const core = 'libs/core/src/run/a.ts';
const lib = 'libs/feed/src/a.ts';
const test = 'libs/feed/src/a.test.ts';

it('the tree holds nothing that is banned', () => {
  const sources = readSources(['apps', 'libs', 'bench', 'test', 'examples'], /\.tsx?$/);
  expect(report(checkBans(sources))).toBe('');
});

const caught: readonly (readonly [rule: string, path: string, text: string, what: string])[] = [
  ['pure-core', core, 'const a = Date.now();', 'Date.now'],
  ['pure-core', core, 'const a = new Date();', 'new Date()'],
  ['pure-core', core, 'const a = performance.now();', 'performance'],
  ['pure-core', core, 'const a = Math.random();', 'Math.random'],
  ['pure-core', core, 'let a: Promise<void>;', 'Promise'],
  ['pure-core', core, 'async function a() {}', 'async'],
  ['pure-core', core, 'const a = globalThis.setTimeout;', 'setTimeout'],
  ['pure-core', core, 'const a = crypto.randomUUID();', 'crypto'],
  ['one-reader-of-env', lib, 'const a = process.env.HOME;', 'process.env'],
  ['one-reader-of-env', lib, `const { A } = process['env'];`, 'process.env'],
  ['sql-writes-in-postgres', lib, "q('INSERT  INTO run VALUES (1)');", 'INSERT INTO'],
  ['sql-writes-in-postgres', lib, 'q(`update run r\nset a = ${a}`);', 'update run r set a ='],
  ['sql-writes-in-postgres', lib, 'q(`update ${table} set a = 1`);', 'update ${table} set a ='],
  ['sql-writes-in-postgres', lib, 'q(`with x as (delete from run) select 1`);', 'delete from'],
  ['no-any', lib, 'const a = b as any;', 'any'],
  ['no-any', lib, 'function a(b: any[]) {}', 'any'],
  ['no-export-star', lib, `export * from './a.js';`, 'export *'],
  ['no-export-star', lib, `export * as a from './a.js';`, 'export *'],
  ['no-default-export', lib, 'export default 1;', 'export default'],
  ['no-default-export', lib, 'export default function a() {}', 'export default'],
  ['no-enum', lib, 'enum Colour { Red }', 'enum Colour'],
  ['no-enum', lib, 'export const enum Colour { Red }', 'enum Colour'],
  ['no-silencing', lib, '// @ts-ignore because', '@ts-ignore'],
  ['no-silencing', lib, '/* eslint-disable */', 'eslint-disable'],
  ['no-silencing', lib, '// oxlint-disable-next-line', 'oxlint-disable-next-line'],
  ['no-sleep-in-tests', test, 'await new Promise((r) => setTimeout(r, 5));', 'setTimeout'],
  ['no-sleep-in-tests', 'test/e2e/a.e2e.ts', 'await sleep(5);', 'sleep'],
  [
    'no-sleep-in-tests',
    test,
    `import { setTimeout as w } from 'node:timers/promises';`,
    'node:timers',
  ],
  ['no-skipped-tests', test, `it.skip('a', () => {});`, 'it.skip'],
  ['no-skipped-tests', test, `describe.only('a', () => {});`, 'describe.only'],
  ['no-skipped-tests', test, `test.concurrent.only('a', () => {});`, 'test.concurrent.only'],
  ['no-skipped-tests', test, `it.todo('a');`, 'it.todo'],
  ['no-skipped-tests', test, `it.skip.each([1])('a', () => {});`, 'it.skip'],
];

describe('catches', () => {
  it.each(caught)('%s in %s: %s', (rule, path, text, what) => {
    const found = against(path, text);
    expect(found).toContain(`[${rule}] ${path}:1: ${what}`);
    expect(found).toContain('is banned, use ');
  });

  it('with every ban having such a line', () => {
    const proven = new Set(caught.map(([rule]) => rule));
    expect(bans.map(({ rule }) => rule).filter((rule) => !proven.has(rule))).toEqual([]);
  });

  it('on the right line', () => {
    expect(against(lib, '\n\nenum A {}')).toContain(`${lib}:3: `);
  });
});

describe('leaves alone', () => {
  it.each([
    [core, 'const a = new Date(atMs); // Date.now() would be impure'],
    [core, 'interface A { readonly process: string }\nconst b = a.process;'],
    ['libs/core/src/run/a.test.ts', 'const a = Date.now();'],
    ['libs/config/src/a.ts', 'const a = process.env;'],
    ['libs/postgres/src/a.ts', "q('insert into run');"],
    [lib, "q('select updated from run set');"],
    [lib, "say('please update the set of keys');"],
    [lib, "const many = 'any'; // any comment"],
    [lib, "const a = '@ts-ignore'; const b = /eslint-disable/;"],
    [lib, `export { a } from './a.js';`],
    [lib, 'const enumerated = 1; setTimeout(f, 1);'],
    ['vite.config.ts', 'export default {};'],
    [test, `it('skip', () => {}); other.skip(); it.each([1])('a', () => {});`],
    [test, `const { delay: wait } = options; vi.useFakeTimers({ toFake: ['setTimeout'] });`],
  ])('in %s: %s', (path, text) => {
    expect(against(path, text)).toBe('');
  });
});
