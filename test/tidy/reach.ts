import ts from 'typescript';
import { importsOf, targetsOf } from './imports.js';
import { isTest, parse, visit } from './source.js';
import type { Finding, Source } from './source.js';

/**
 * Files that are started rather than imported. A worker that is named by
 * `new URL('./x.js', import.meta.url)` needs no line here: that counts as an import.
 */
export const entries: readonly string[] = [
  'libs/broker/src/main.ts',
  'libs/postgres/src/embedded/main.ts',
  'libs/sim/src/main.ts',
];

/** What is shown to people outside this repository, as `lib` or `lib.name`: nobody here uses it. */
export const publicNames: readonly string[] = ['client', 'executor'];

const usualEntry = /^apps\/[^/]+\/src\/main\.tsx?$|^libs\/[^/]+\/src\/index\.ts$/;

export function checkReach(
  sources: readonly Source[],
  started: readonly string[] = entries,
): readonly Finding[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const isEntry = (path: string): boolean => {
    return usualEntry.test(path) || isTest(path) || started.includes(path);
  };
  const reached = new Set<string>();
  const open = [...byPath.keys()].filter(isEntry);
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const source = byPath.get(path);
    if (source === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { from } of importsOf(source)) {
      open.push(...targetsOf(path, from).filter((target) => byPath.has(target)));
    }
  }
  const findings: Finding[] = [];
  for (const path of byPath.keys()) {
    if (reached.has(path) || path.endsWith('.d.ts') || !/^(apps|libs)\//.test(path)) continue;
    const message =
      'no entry reaches this file: delete it, import it, or name it in the entries of ' +
      'test/tidy/reach.ts when a process or a thread starts from it';
    findings.push({ rule: 'dead-file', path, line: 0, message });
  }
  for (const path of started.filter((each) => !byPath.has(each))) {
    const message = 'is an entry that does not exist; remove it from test/tidy/reach.ts';
    findings.push({ rule: 'dead-file', path, line: 0, message });
  }
  return findings;
}

/**
 * A name that an index shows must stand at least twice in the code outside of indexes: once where
 * it is declared, once where it is used. Tests are no use, but of what comes from a test kit.
 * Coarse on purpose: it never blames a name that is used.
 */
export function checkExports(
  sources: readonly Source[],
  openTo: readonly string[] = publicNames,
): readonly Finding[] {
  const code = sources.filter(({ path }) => !isIndex(path));
  const inAll = countNames(code);
  const shipped = countNames(code.filter(({ path }) => !isForTests(path)));
  const findings: Finding[] = [];
  for (const source of sources.filter(({ path }) => isIndex(path))) {
    const lib = source.path.split('/')[1] ?? '';
    if (openTo.includes(lib)) continue;
    for (const { name, from } of exportedBy(source)) {
      const counts = isForTests(from) ? inAll : shipped;
      if (openTo.includes(`${lib}.${name}`) || (counts.get(name) ?? 0) > 1) continue;
      const message =
        `${name} is exported and nothing uses it: remove it, or add '${lib}.${name}' to ` +
        'publicNames of test/tidy/reach.ts';
      findings.push({ rule: 'dead-export', path: source.path, line: 0, message });
    }
  }
  return findings;
}

function isIndex(path: string): boolean {
  return /^libs\/[^/]+\/src\/index\.ts$/.test(path);
}

function isForTests(path: string): boolean {
  return isTest(path) || /(^|\/)testkit[/.]/.test(path) || path.startsWith('test/');
}

function countNames(sources: readonly Source[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const source of sources) {
    visit(parse(source), (node) => {
      if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1);
    });
  }
  return counts;
}

interface Shown {
  readonly name: string;
  /** The file that the index has it from, as it is written there. */
  readonly from: string;
}

function exportedBy(source: Source): readonly Shown[] {
  const shown: Shown[] = [];
  visit(parse(source), (node) => {
    if (!ts.isExportSpecifier(node)) return;
    const { moduleSpecifier } = node.parent.parent;
    const isText = moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier);
    const name = (node.propertyName ?? node.name).text;
    shown.push({ name, from: isText ? moduleSpecifier.text : '' });
  });
  return shown;
}
