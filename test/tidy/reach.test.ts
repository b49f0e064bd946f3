import { describe, expect, it } from 'vitest';
import { checkExports, checkReach } from './reach.js';
import { readSources, report } from './source.js';
import type { Source } from './source.js';

const tree = readSources(['apps', 'libs', 'bench', 'test', 'examples'], /\.tsx?$/);

function files(texts: Readonly<Record<string, string>>): readonly Source[] {
  return Object.entries(texts).map(([path, text]) => ({ path, text }));
}

describe('dead files', () => {
  it('there are none in the tree', () => {
    expect(report(checkReach(tree))).toBe('');
  });

  it('names a file that nothing reaches, even if dead files import each other', () => {
    const found = report(
      checkReach(
        files({
          'libs/a/src/index.ts': `export { b } from './b.js';`,
          'libs/a/src/b.ts': '',
          'libs/a/src/dead.ts': `import './deader.js';`,
          'libs/a/src/deader.ts': `import './dead.js';`,
        }),
        [],
      ),
    );
    expect(found).toContain('[dead-file] libs/a/src/dead.ts: no entry reaches this file');
    expect(found).toContain('libs/a/src/deader.ts');
    expect(found).not.toContain('libs/a/src/b.ts');
  });

  it('follows #lib, import(), new URL, tests, mains and the table of entries', () => {
    const all = files({
      'apps/x/src/main.ts': `import '#a'; const y = await import('./y.js');`,
      'apps/x/src/y.ts': `new Worker(new URL('./worker.js', import.meta.url));`,
      'apps/x/src/worker.ts': `startThread(import.meta.url, './deeper');`,
      'apps/x/src/deeper.ts': '',
      'libs/a/src/index.ts': '',
      'libs/a/src/kit.ts': '',
      'libs/a/src/a.test.ts': `import { kit } from './kit.js';`,
      'libs/a/src/started.ts': '',
    });
    expect(report(checkReach(all, ['libs/a/src/started.ts']))).toBe('');
    expect(report(checkReach(all, []))).toContain('libs/a/src/started.ts');
  });

  it('names an entry that is gone', () => {
    expect(report(checkReach([], ['libs/a/src/gone.ts']))).toContain('does not exist');
  });
});

describe('dead exports', () => {
  const all = files({
    'libs/a/src/index.ts': `export { used, unused } from './a.js';`,
    'libs/a/src/a.ts': 'export const used = 1; export const unused = 2;',
    'libs/b/src/b.ts': `import { used } from '#a';`,
  });

  it('there are none in the tree', () => {
    const tools = readSources(['tools'], /\.mjs$/);
    expect(report(checkExports([...tree, ...tools]))).toBe('');
  });

  it('names what is shown and never used', () => {
    expect(report(checkExports(all, []))).toBe(
      '[dead-export] libs/a/src/index.ts: unused is exported and nothing uses it: remove it, ' +
        "or add 'a.unused' to publicNames of test/tidy/reach.ts",
    );
  });

  it('counts no test, but for what comes from a test kit', () => {
    const found = checkExports(
      files({
        'libs/a/src/index.ts': `export { x } from './x.js'; export { kit } from './testkit.js';`,
        'libs/a/src/x.ts': 'export const x = 1;',
        'libs/a/src/testkit.ts': 'export const kit = 1;',
        'libs/a/src/x.test.ts': `import { x } from './x.js'; x();`,
        'libs/b/src/b.test.ts': `import { kit } from '#a'; kit();`,
      }),
      [],
    );
    expect(found.map(({ message }) => message.split(' ')[0])).toEqual(['x']);
  });

  it('lets what is public be', () => {
    expect(report(checkExports(all, ['a']))).toBe('');
    expect(report(checkExports(all, ['a.unused']))).toBe('');
  });
});
